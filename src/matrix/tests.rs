//! The same small matrix in each of its forms.

use super::*;
use crate::evidence::distil;
use crate::evidence::observed::Observed;
use crate::report::sample;
use sockspec_harness::case::suite::{Origin, Suite};
use sockspec_harness::outcome::Outcome;

const CASES: &[(&str, &str)] = &[
    (
        "refused/closed-port-again.yaml",
        "title: Another case whose name begins like that of one\ncovers: [X]\nmatrix:\n  family: [ipv4, ipv6]\nsteps:\n  - bind: \
         client\n    address: any port\n",
    ),
    (
        "refused/closed-port.yaml",
        "title: A connect is refused\ncovers: [X]\nmatrix:\n  family: [ipv4, ipv6]\nsteps:\n  - connect: client\n    to: closed \
         port\n    expect: ECONNREFUSED\n    os:\n      windows: {takes: 1500ms..4s, why: it is tried again, source: a book}\n      \
         freebsd: unknown\n",
    ),
    ("time-wait/bind.yaml", "title: A bind\ncovers: [X]\nsteps:\n  - bind: client\n    address: any port\n"),
];

fn matrix() -> (Suite, Vec<Observed>, Matrix) {
    let suite = Suite::load(&Origin::Embedded(CASES), |_| true).unwrap();
    let mut trial = sample::refused();
    trial.id = "refused/closed-port[ipv4]".to_owned();
    trial.steps = vec!["socket client".to_owned(), "connect client, to closed port".to_owned()];
    trial.record.steps.truncate(2);
    trial.record.steps[0].outcome = Some(Outcome::Ok);
    trial.record.steps[1].outcome = Some(Outcome::Error("<b>".to_owned()));
    let observed = vec![distil::distil(&sample::results(vec![trial]), &[], "linux-6.18", "again")];
    let matrix = rows::matrix(&suite, &observed).unwrap();
    (suite, observed, matrix)
}

fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}

#[test]
fn what_was_seen_stands_beside_what_sources_say() {
    let (_, _, matrix) = matrix();
    let names: Vec<_> = matrix.columns.iter().map(Column::short).collect();
    assert_eq!(names, ["linux-6.18", "windows*", "macos*", "freebsd*"]);
    let shown = |row: &Row| row.cells.iter().map(Cell::shown).collect::<Vec<_>>();
    let [ipv4, ipv6, again, bind] = matrix.rows.as_slice() else { panic!("{:#?}", matrix.rows) };
    assert!(ipv4.differs && !bind.differs);
    assert_eq!((again.case.as_str(), again.rows.as_str()), ("refused/closed-port-again", ""));
    assert_eq!(ipv4.rows, "family ipv4");
    assert_eq!(shown(ipv4)[1..], ["ECONNREFUSED in 1.5s..4s", "(ECONNREFUSED)", "?"]);
    assert_eq!(shown(ipv6)[0], "-", "there was no such trial");
    let only = matrix.clone().only(&["time-wait".to_owned()], false);
    assert_eq!(only.rows.len(), 1);
    assert!(matrix.clone().only(&["time-wait".to_owned()], true).rows.is_empty());
    let of_two = matrix.of_platforms(&[2, 1]);
    assert_eq!(of_two.columns[0].name, "macos");
    assert!(!of_two.rows[0].differs, "what nobody has a source for is no difference");
}

#[test]
fn no_line_of_the_terminal_is_wider_than_a_hundred() {
    let (_, _, mut matrix) = matrix();
    for row in &mut matrix.rows {
        row.step = "step ".repeat(40);
        row.rows = "axis row|row ".repeat(40);
        row.title = "title ".repeat(40);
        row.cells
            .iter_mut()
            .for_each(|cell| cell.text = format!("{} {}", "words ".repeat(20), "x".repeat(40)));
    }
    for columns in [1, 4, 40] {
        let wanted: Vec<_> = (0..columns).map(|at| at % 4).collect();
        let text = text(|out| terminal::write(&matrix.clone().of_platforms(&wanted), out));
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 100, "{columns}: {widest}");
    }
}

#[test]
fn markdown_has_the_rows_that_differ_and_counts_the_others() {
    let (_, _, matrix) = matrix();
    let text = text(|out| markdown::write(&matrix, out));
    assert!(text.contains("| [closed-port](../cases/refused/closed-port.yaml) (family ipv4) |"), "{text}");
    assert!(text.contains("In 1 more rows no difference is known."), "{text}");
    assert!(text.contains("&lt;b>"), "a behaviour writes no markup: {text}");
}

#[test]
fn the_page_needs_nothing_else() {
    let (suite, observed, matrix) = matrix();
    let page = html::page(&matrix, &suite, &observed, &[]).unwrap();
    assert!(page.contains("\"it is tried again\"") && page.contains("\"a book\""));
    for elsewhere in ["src=", "href=", "url(", "@import", "fetch("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    let data = page.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["cases"][0]["rows"][0]["t"], "refused/closed-port[ipv4]");
}
