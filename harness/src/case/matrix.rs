//! The matrix of a case: axes, rows, cells; and putting the values of a row in the place of `$name`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Diagnostics;
use super::read;
use super::source::Span;
use super::yaml::{Key, Node, Value};

/// One axis of a matrix.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Its name; `family` picks the address family, all others mean what the case makes of them.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Its rows, in order.
    pub rows: Vec<Row>,
}

/// One row of an axis.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name as it is written.
    pub name: String,
    /// The row as a value: what `$axis` is replaced by.
    pub value: Node,
    /// What the row carries besides: what `$key` is replaced by.
    pub values: Vec<(Key, Node)>,
    /// What must be there.
    pub needs: Vec<Node>,
    /// What the row covers.
    pub covers: Vec<Node>,
}

impl Row {
    /// The part of a trial's id: `a-z0-9-`.
    #[must_use]
    pub fn slug(&self) -> String {
        slug(&self.name)
    }
}

/// A text as part of an id.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Reads `matrix:`.
pub fn read(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Axis> {
    let Some(entries) = read::map_or_error(node, "a map of axes", diagnostics) else { return Vec::new() };
    let mut axes: Vec<Axis> = Vec::new();
    for (key, value) in entries {
        let rows = match &value.value {
            Value::List(items) => items.iter().filter_map(|item| plain_row(item, diagnostics)).collect(),
            Value::Map(rows) => rows.iter().filter_map(|(key, value)| row(key, value, diagnostics)).collect(),
            _ => {
                diagnostics.error(
                    value.span,
                    format!("an axis is a list or a map of rows; this is {}", value.kind()),
                );
                Vec::new()
            }
        };
        let axis = Axis { name: key.text.clone(), span: key.span, rows };
        check_axis(&axis, diagnostics);
        for other in &axes {
            for (key, _) in axis.rows.iter().flat_map(|row| &row.values) {
                if other.name == key.text
                    || other.rows.iter().any(|row| row.values.iter().any(|(k, _)| k.text == key.text))
                {
                    let message = format!("`{}` is a value of the axis `{}` already", key.text, other.name);
                    diagnostics.error_also(key.span, message, other.span, "this axis");
                }
            }
        }
        axes.push(axis);
    }
    axes
}

fn plain_row(item: &Node, diagnostics: &mut Diagnostics) -> Option<Row> {
    trap(item.plain && item.text().is_some_and(is_boolean_elsewhere), item.span, diagnostics);
    let Some(name) = item.scalar() else {
        diagnostics.error(item.span, format!("a row is a word; this is {}", item.kind()));
        return None;
    };
    if matches!(item.value, Value::Bool(_)) {
        trap(true, item.span, diagnostics);
    }
    Some(Row { name, value: item.clone(), values: Vec::new(), needs: Vec::new(), covers: Vec::new() })
}

fn row(key: &Key, value: &Node, diagnostics: &mut Diagnostics) -> Option<Row> {
    trap(key.plain && is_boolean_elsewhere(&key.text), key.span, diagnostics);
    let text = Node { span: key.span, value: Value::Text(key.text.clone()), plain: key.plain };
    let mut row = Row {
        name: key.text.clone(),
        value: text,
        values: Vec::new(),
        needs: Vec::new(),
        covers: Vec::new(),
    };
    for (key, value) in read::map_or_error(value, "a map of values, `{}` if there are none", diagnostics)? {
        match key.text.as_str() {
            "needs" => row.needs = read::list(value).to_vec(),
            "covers" => row.covers = read::list(value).to_vec(),
            _ => row.values.push((key.clone(), value.clone())),
        }
    }
    Some(row)
}

/// Words that YAML 1.1 takes for booleans: other tools and editors do so still.
fn is_boolean_elsewhere(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "on" | "off" | "yes" | "no" | "y" | "n" | "true" | "false")
}

fn trap(is: bool, span: Span, diagnostics: &mut Diagnostics) {
    if is {
        diagnostics.error_help(
            span,
            "many YAML tools take this word for a boolean",
            "put it in quotes, or take another word",
        );
    }
}

fn check_axis(axis: &Axis, diagnostics: &mut Diagnostics) {
    if axis.rows.is_empty() {
        diagnostics.error(axis.span, format!("the axis `{}` has no rows", axis.name));
    }
    for (i, row) in axis.rows.iter().enumerate() {
        if row.slug().is_empty() {
            diagnostics.error(row.value.span, "the name of a row needs a letter or a digit");
        }
        if let Some(first) = axis.rows[..i].iter().find(|other| other.slug() == row.slug()) {
            let message = format!("the rows `{}` and `{}` have the same id", first.name, row.name);
            diagnostics.error_also(row.value.span, message, first.value.span, "first here");
        }
        if axis.name == "family" && !matches!(row.name.as_str(), "ipv4" | "ipv6") {
            diagnostics.unknown(row.value.span, "address family", &row.name, ["ipv4", "ipv6"]);
        }
    }
}

/// What of a matrix is used by its case; what is not is an error.
#[derive(Debug, Default)]
pub struct Usage {
    names: RefCell<BTreeSet<String>>,
}

impl Usage {
    fn mark(&self, name: &str) {
        if !self.names.borrow().contains(name) {
            self.names.borrow_mut().insert(name.to_owned());
        }
    }

    /// Reports axes and values that nothing uses.
    pub fn report(&self, axes: &[Axis], diagnostics: &mut Diagnostics) {
        let used = self.names.borrow();
        for axis in axes {
            let mut any = used.contains(&axis.name) || axis.name == "family";
            let mut seen = BTreeSet::new();
            for (key, _) in axis.rows.iter().flat_map(|row| &row.values) {
                any |= used.contains(&key.text);
                if !used.contains(&key.text) && seen.insert(&key.text) {
                    let message = format!("nothing uses the value `{}`", key.text);
                    diagnostics.error_help(
                        key.span,
                        message,
                        format!("write ${} where it belongs", key.text),
                    );
                }
            }
            if !any && seen.is_empty() {
                let message = format!("nothing uses the axis `{}`", axis.name);
                diagnostics.error_help(axis.span, message, format!("write ${} where it belongs", axis.name));
            }
        }
    }
}

/// One cell: a row of each axis.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    axes: &'a [Axis],
    rows: Vec<&'a Row>,
    usage: &'a Usage,
    counters: BTreeMap<&'static str, usize>,
}

/// Every cell, in order: the last axis changes first.
pub fn cells<'a>(axes: &'a [Axis], usage: &'a Usage) -> Vec<Cell<'a>> {
    let mut cells = vec![Cell { axes, rows: Vec::new(), usage, counters: BTreeMap::new() }];
    for axis in axes {
        cells = cells
            .into_iter()
            .flat_map(|cell| {
                axis.rows.iter().map(move |row| {
                    let mut cell = cell.clone();
                    cell.rows.push(row);
                    cell
                })
            })
            .collect();
    }
    cells
}

impl<'a> Cell<'a> {
    /// A cell without axes, for setups.
    #[must_use]
    pub fn without_axes(&self) -> Self {
        Self { axes: &[], rows: Vec::new(), usage: self.usage, counters: BTreeMap::new() }
    }

    /// The rows that were taken, by axis.
    pub fn rows(&self) -> impl Iterator<Item = (&'a Axis, &'a Row)> {
        self.axes.iter().zip(self.rows.iter().copied())
    }

    /// The row of an axis.
    #[must_use]
    pub fn row(&self, axis: &str) -> Option<&'a Row> {
        self.rows().find(|(a, _)| a.name == axis).map(|(_, row)| row)
    }

    /// This cell with `$n` for the steps of a repetition.
    #[must_use]
    pub fn counting(&self, n: usize) -> Self {
        let mut cell = self.clone();
        cell.counters.insert("n", n);
        cell
    }

    /// Whether the cell has one of the rows that a condition names: `{axis: row}`, `{axis: [row, row]}`. `None` if
    /// the condition is wrong.
    pub fn meets(&self, condition: &Node, diagnostics: &mut Diagnostics) -> Option<bool> {
        let entries = read::map_or_error(condition, "a map of axes to rows", diagnostics)?;
        let mut met = true;
        for (key, value) in entries {
            let Some(axis) = self.axes.iter().find(|axis| axis.name == key.text) else {
                diagnostics.unknown(
                    key.span,
                    "axis",
                    &key.text,
                    self.axes.iter().map(|axis| axis.name.as_str()),
                );
                return None;
            };
            self.usage.mark(&axis.name);
            let mut any = false;
            for item in read::list(value) {
                let name = item.scalar().unwrap_or_default();
                if !axis.rows.iter().any(|row| row.name == name) {
                    diagnostics.unknown(
                        item.span,
                        "row",
                        &name,
                        axis.rows.iter().map(|row| row.name.as_str()),
                    );
                    return None;
                }
                any |= self.row(&axis.name).is_some_and(|row| row.name == name);
            }
            met &= any;
        }
        Some(met)
    }

    /// Picks the value for this cell from a map that gives one for each row of one axis. A key may name several rows,
    /// and `else` stands for those that are not named.
    pub fn pick<'n>(
        &self,
        span: Span,
        entries: &'n [(Key, Node)],
        diagnostics: &mut Diagnostics,
    ) -> Option<&'n Node> {
        let names = |key: &Key| key.text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let fits = |axis: &&(&Axis, &Row)| {
            entries
                .iter()
                .flat_map(|(key, _)| names(key))
                .all(|name| name == "else" || axis.0.rows.iter().any(|row| row.name == name))
        };
        let taken: Vec<_> = self.rows().collect();
        let fitting: Vec<_> = taken.iter().filter(fits).collect();
        let [(axis, row)] = fitting.as_slice() else {
            self.explain_no_axis(span, entries, fitting.len(), diagnostics);
            return None;
        };
        self.usage.mark(&axis.name);
        for row in &axis.rows {
            let mut naming = entries.iter().filter(|(key, _)| names(key).contains(&row.name));
            let (first, second) = (naming.next(), naming.next());
            if let (Some((first, _)), Some((second, _))) = (first, second) {
                diagnostics.error_also(
                    second.span,
                    format!("the row `{}` is named twice", row.name),
                    first.span,
                    "first here",
                );
            }
            if first.is_none() && !entries.iter().any(|(key, _)| key.text == "else") {
                diagnostics.error_help(
                    span,
                    format!("the row `{}` of the axis `{}` is missing", row.name, axis.name),
                    "name every row, or write `else`",
                );
                return None;
            }
        }
        let named = entries.iter().find(|(key, _)| names(key).contains(&row.name));
        named.or_else(|| entries.iter().find(|(key, _)| key.text == "else")).map(|(_, node)| node)
    }

    /// No row can be picked.
    fn explain_no_axis(
        &self,
        span: Span,
        entries: &[(Key, Node)],
        fitting: usize,
        diagnostics: &mut Diagnostics,
    ) {
        if fitting > 1 {
            diagnostics.error(span, "these rows are those of more than one axis");
            return;
        }
        const OUTCOMES: [&str; 4] = ["any_of", "data", "bytes", "msg_flags"];
        let rows: Vec<_> =
            self.axes.iter().flat_map(|axis| axis.rows.iter().map(|row| row.name.as_str())).collect();
        for (key, value) in entries {
            if matches!(value.value, Value::Null) {
                diagnostics.error_help(
                    key.span,
                    format!("`{}` has no value", key.text),
                    "several names in one key are written as one key in quotes: \"a, b\": …",
                );
                return;
            }
            for name in key.text.split(',').map(str::trim) {
                // Of a wrong map with a right key in it, the wrong key is the one to be told.
                if name != "else" && !rows.contains(&name) && !OUTCOMES.contains(&name) {
                    diagnostics.unknown(
                        key.span,
                        "row or kind of outcome",
                        name,
                        rows.iter().copied().chain(OUTCOMES),
                    );
                    return;
                }
            }
        }
        diagnostics.error(span, "a map by row names the rows of one axis");
    }

    /// The node with every `$name` replaced.
    pub fn substitute(&self, node: &Node, diagnostics: &mut Diagnostics) -> Node {
        let value = match &node.value {
            Value::Text(text) if text.contains('$') => return self.substitute_text(node, text, diagnostics),
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.substitute(item, diagnostics)).collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let mut key = key.clone();
                        if key.text.contains('$') {
                            key.text = self.fill_in(&key.text, key.span, diagnostics);
                        }
                        // The steps of a repetition are replaced when they are counted.
                        let value = if key.text == "do" {
                            value.clone()
                        } else {
                            self.substitute(value, diagnostics)
                        };
                        (key, value)
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { span: node.span, value, plain: node.plain }
    }

    fn substitute_text(&self, node: &Node, text: &str, diagnostics: &mut Diagnostics) -> Node {
        if let Some(name) = text.strip_prefix('$')
            && name.chars().all(is_name)
            && let Some(value) = self.lookup(name)
        {
            return Node { span: node.span, value: value.value, plain: false };
        }
        let value = Value::Text(self.fill_in(text, node.span, diagnostics));
        Node { span: node.span, value, plain: node.plain }
    }

    fn fill_in(&self, text: &str, span: Span, diagnostics: &mut Diagnostics) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match self.lookup(name).and_then(|node| node.scalar()) {
                Some(value) => out.push_str(&value),
                None => {
                    let known = self.names();
                    diagnostics.unknown(span, "value", &format!("${name}"), known.iter().map(String::as_str));
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn names(&self) -> Vec<String> {
        let rows = self.rows().flat_map(|(axis, row)| {
            std::iter::once(axis.name.clone()).chain(row.values.iter().map(|(key, _)| key.text.clone()))
        });
        rows.chain(self.counters.keys().map(|&n| n.to_owned())).map(|name| format!("${name}")).collect()
    }

    fn lookup(&self, name: &str) -> Option<Node> {
        if let Some(n) = self.counters.get(name) {
            return Some(Node { span: Span::default(), value: Value::Int(*n as i64), plain: true });
        }
        for (axis, row) in self.rows() {
            if axis.name == name {
                self.usage.mark(name);
                return Some(row.value.clone());
            }
            if let Some((_, node)) = row.values.iter().find(|(key, _)| key.text == name) {
                self.usage.mark(name);
                return Some(node.clone());
            }
        }
        None
    }

    /// Notes that a value of a row is used, without `$`.
    pub fn mark_used(&self, name: &str) {
        self.usage.mark(name);
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe() {
        assert_eq!(slug("left of the window"), "left-of-the-window");
        assert_eq!(slug("SYN+ACK"), "syn-ack");
        assert_eq!(slug("FIN_WAIT_1"), "fin-wait-1");
        assert_eq!(slug("--"), "");
    }
}
