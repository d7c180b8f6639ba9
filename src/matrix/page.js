"use strict";
(() => {
  const { cases, texts, lines } = JSON.parse(document.getElementById("data").textContent);
  const names = [...document.querySelectorAll("#matrix thead th[data-column]")].map((th) => th.textContent);
  const $ = (id) => document.getElementById(id);
  const body = $("rows");
  const PAGE = 300;

  // How a cell is known, by its number: the same list is in html.rs.
  const DEPARTS = [1, 3, 5, 7, 13];
  const IS = {
    departs: (k) => DEPARTS.includes(k),
    agrees: (k) => (k <= 8 || k === 12) && !DEPARTS.includes(k),
    unexpected: (k) => k === 4 || k === 5,
    seen: (k) => k <= 5 || k >= 12,
    unknown: (k) => k === 9,
    skipped: (k) => k === 10,
    known: (k) => k <= 8 || k >= 12,
  };

  // Elements without markup in strings: what comes from a behaviour is text and stays text.
  const make = (tag, attributes = {}, ...children) => {
    const space = ["svg", "line", "text", "path"].includes(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
    const element = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const shown = ([text, known]) => (known === 10 ? "skip" : texts[text]);
  const cell = (data, attributes = {}) => {
    const value = make("span", { class: `k${data[1]}` }, shown(data));
    if (data[1] === 10) value.title = texts[data[0]];
    return make("td", attributes, value);
  };

  const all = cases.flatMap((one) =>
    one.rows.map((row) => {
      row.c = lines[row.c];
      const words = [one.id, one.title, ...one.covers, row.l, texts[row.s[1]], ...row.c.map(shown)];
      return { one, row, text: words.join(" ").toLowerCase() };
    }),
  );

  const selected = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const family = $("family").value, platform = $("platform").value, verdict = $("verdict").value;
    return all.filter(({ one, row, text }) => {
      if (family && !one.id.startsWith(`${family}/`)) return false;
      if ($("differences").checked && !row.d) return false;
      if (!words.every((word) => text.includes(word))) return false;
      const cells = platform === "" ? row.c : [row.c[Number(platform)]];
      return verdict ? cells.some(([, k]) => IS[verdict](k)) : platform === "" || IS.known(cells[0][1]);
    });
  };

  let rows = [], drawn = 0;
  const draw = () => {
    const end = Math.min(rows.length, drawn + PAGE);
    for (; drawn < end; drawn++) {
      const { one, row } = rows[drawn], before = drawn ? rows[drawn - 1].one : null;
      const family = one.id.split("/")[0], span = names.length + 1;
      if (!before || before.id.split("/")[0] !== family)
        body.append(make("tr", { class: "family" }, make("th", { colspan: span }, family)));
      if (before !== one)
        body.append(make("tr", { class: "case" }, make("th", { colspan: span }, one.id, make("small", {}, one.title))));
      const step = make("button", { class: "step", type: "button", "aria-expanded": "false" }, `${row.s[0]} ${texts[row.s[1]]}`);
      const label = row.l ? [make("span", { class: "rows" }, row.l)] : [];
      const line = make("tr", { class: "row" }, make("td", {}, step, ...label));
      row.c.forEach((data, at) => line.append(cell(data, { "data-name": names[at] })));
      line.addEventListener("click", () => toggle(line, step, one, row));
      body.append(line);
    }
    $("more").hidden = drawn >= rows.length;
  };
  const refresh = () => {
    rows = selected();
    drawn = 0;
    body.replaceChildren();
    $("count").textContent = `${rows.length} of ${all.length}`;
    draw();
  };

  const toggle = (line, button, one, row) => {
    const next = line.nextElementSibling;
    const open = next && next.classList.contains("open");
    button.setAttribute("aria-expanded", String(!open));
    if (open) next.remove();
    else line.after(make("tr", { class: "open" }, make("td", { colspan: names.length + 1 }, inside(one, row))));
  };

  const inside = (one, row) => {
    const box = make("div", { class: "inside" });
    const more = row.n > 1 ? ` and ${row.n - 1} more like it` : "";
    box.append(make("p", {}, make("code", {}, row.t), more));
    if (one.covers.length) box.append(make("p", {}, `covers ${one.covers.join(", ")}`));
    box.append(make("h3", {}, "Steps, and what came out of them"));
    const head = make("tr", {}, make("th", {}, ""), make("th", {}, "step"), ...names.map((name) => make("th", {}, name)));
    const table = make("table", {}, head);
    row.all.forEach(([text, cells], at) => {
      const here = at + 1 === row.s[0] ? { class: "here" } : {};
      table.append(make("tr", here, make("td", {}, String(at + 1)), make("td", {}, texts[text]), ...lines[cells].map((data) => cell(data))));
    });
    box.append(table);
    if (row.why.length) {
      box.append(make("h3", {}, "What is expected, and who says so"));
      const list = make("ul");
      for (const [step, whom, outcome, why, source] of row.why) {
        const reason = [texts[why] && `, because ${texts[why]}`, texts[source] && ` (${texts[source]})`];
        list.append(make("li", {}, `step ${step}, ${texts[whom]}: ${texts[outcome]}`, ...reason.filter(Boolean)));
      }
      box.append(list);
    }
    if (row.w) box.append(make("h3", {}, "Segments in a run"), ladder(row));
    return box;
  };

  // Time runs downwards; the client stands at the left, the server at the right.
  const ladder = (row) => {
    const left = 200, right = 520, gap = 26;
    const height = 40 + row.w.length * gap;
    const svg = make("svg", { viewBox: `0 0 720 ${height}`, role: "img", "aria-label": "Segments between client and server" });
    const put = (x, y, text, anchor) => svg.append(make("text", { x, y, "text-anchor": anchor }, text));
    put(left, 16, "client", "middle");
    put(right, 16, "server", "middle");
    for (const x of [left, right]) svg.append(make("line", { x1: x, y1: 24, x2: x, y2: height }));
    let last = 0;
    row.w.forEach(([step, client, label, fate], at) => {
      const y = 44 + at * gap;
      const told = texts[fate], lost = !["passed", "arrived", "injected", "duplicated"].includes(told);
      const [from, to] = client ? [left, right] : [right, left];
      const end = lost ? from + (to - from) * 0.8 : to;
      const tip = end + (client ? -8 : 8);
      svg.append(make("line", { x1: from, y1: y, x2: end, y2: y, class: lost ? "lost" : "" }));
      svg.append(make("path", { d: `M${tip} ${y - 4}L${end} ${y}L${tip} ${y + 4}`, fill: "none" }));
      put((left + right) / 2, y - 4, texts[label], "middle");
      if (step !== last) put(left - 12, y + 4, `step ${step}`, "end");
      if (told !== "passed" && told !== "arrived") put(right + 12, y + 4, told, "start");
      last = step;
    });
    return svg;
  };

  for (const id of ["family", "platform", "verdict", "differences"]) $(id).addEventListener("change", refresh);
  let timer;
  $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 120); });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", draw);
  refresh();
})();
