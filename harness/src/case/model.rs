//! A case file as it is written: its keys are read, its steps are still nodes, because what they say may depend on the
//! row of the matrix.

use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::Diagnostics;
use super::matrix::{self, Axis};
use super::read;
use super::source::{Place, Source, Span};
use super::yaml::{self, Key, Node, Value};

/// One behaviour.
#[derive(Debug)]
pub struct Case {
    /// `<family>/<case>`, from the path.
    pub id: String,
    /// The file.
    pub source: Arc<Source>,
    /// The behaviour in words.
    pub title: String,
    /// Where the title stands.
    pub title_span: Span,
    /// Ids of requirements, with `$name` where rows say which.
    pub covers: Vec<Node>,
    /// What connects the hosts.
    pub link: Link,
    /// The far end of the wire has no socket: the case plays it.
    pub raw: bool,
    /// What must be there.
    pub needs: Vec<Node>,
    /// Settings that are made, or required where they cannot be made.
    pub settings: Vec<(Key, Node)>,
    /// The matrix.
    pub axes: Vec<Axis>,
    /// What is different in single cells.
    pub except: Vec<Except>,
    /// The steps.
    pub steps: Vec<Node>,
    /// What platforms do instead, by label.
    pub os: Option<Node>,
    /// A trial that takes longer fails.
    pub deadline: Duration,
    /// Takes longer than a user wants to wait: only run on request.
    pub slow: bool,
    /// Earlier ids.
    pub formerly: Vec<String>,
}

/// What connects the hosts of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// One host that talks to itself.
    Loopback,
    /// Two hosts and a cable that the case commands.
    Wire,
}

/// What is different in the cells that meet a condition.
#[derive(Debug)]
pub struct Except {
    /// The condition.
    pub condition: Node,
    /// What is expected instead, by label.
    pub steps: Option<Node>,
    /// What platforms do instead, by label.
    pub os: Option<Node>,
    /// The reason, and who says so.
    pub why: Option<String>,
    /// See `why`.
    pub source: Option<String>,
}

/// Steps that cases share.
#[derive(Debug)]
pub struct Setup {
    /// The file.
    pub source: Arc<Source>,
    /// The state that it makes, in words.
    pub title: String,
    /// What must be there.
    pub needs: Vec<Node>,
    /// The steps.
    pub steps: Vec<Node>,
}

/// How long a trial may take where the case does not say.
const DEADLINE: Duration = Duration::from_secs(60);

/// Keys of a case file, and what they are.
pub const CASE_KEYS: &[(&str, &str)] = &[
    ("title", "the behaviour in one sentence; required"),
    ("covers", "ids of requirements that the case is about; required"),
    ("link", "`loopback` (where it is not written), or `wire`"),
    ("far end", "`raw`: nobody has a socket there, the case plays it; on a wire"),
    ("given", "a setup; the same as a first step `setup`"),
    ("needs", "what must be there; where it is not, the case does not apply or is skipped"),
    ("settings", "settings that are made in a namespace of our own, and required elsewhere"),
    ("matrix", "axes and their rows"),
    ("steps", "what is done and expected; required"),
    (
        "os",
        "what platforms do instead, by label of the step: `{selector: {steps: {label: outcome}, why, source}}`",
    ),
    (
        "except",
        "what is different in single cells: `- where: {axis: row}` with `os`, or `steps`, `why`, `source`",
    ),
    ("deadline", "a trial that takes longer fails; 60s where it is not written"),
    ("slow", "only run with --ignored or --include-ignored"),
    ("formerly", "earlier ids of the case"),
];

const SETUP_KEYS: [&str; 4] = ["title", "link", "needs", "steps"];

/// Reads a case file.
pub fn read_case(source: &Arc<Source>, diagnostics: &mut Diagnostics) -> Option<Case> {
    let node = yaml::read(source, diagnostics)?;
    let entries = read::map_or_error(&node, "a case: a map", diagnostics)?;
    let mut case = Case {
        id: source.path.trim_end_matches(".yaml").to_owned(),
        source: Arc::clone(source),
        title: String::new(),
        title_span: Span::default(),
        covers: Vec::new(),
        link: Link::Loopback,
        raw: false,
        needs: Vec::new(),
        settings: Vec::new(),
        axes: Vec::new(),
        except: Vec::new(),
        steps: Vec::new(),
        os: None,
        deadline: DEADLINE,
        slow: false,
        formerly: Vec::new(),
    };
    let mut given = None;
    for (key, value) in entries {
        match key.text.as_str() {
            "title" => {
                case.title = read::prose(value, "a sentence", diagnostics).unwrap_or_default();
                case.title_span = value.span;
            }
            "covers" => case.covers = read::list(value).to_vec(),
            "link" => case.link = link(value, diagnostics),
            "far end" => case.raw = far_end(value, diagnostics),
            "given" => given = Some((key, value)),
            "needs" => case.needs = read::list(value).to_vec(),
            "settings" => {
                case.settings =
                    read::map_or_error(value, "a map of settings", diagnostics).unwrap_or_default().to_vec();
            }
            "matrix" => case.axes = matrix::read(value, diagnostics),
            "steps" => case.steps = steps(value, diagnostics),
            "os" => case.os = Some(value.clone()),
            "except" => case.except = excepts(value, diagnostics),
            "deadline" => case.deadline = read::duration(value, diagnostics).unwrap_or(DEADLINE),
            "slow" => case.slow = read::boolean(value, diagnostics),
            "formerly" => {
                case.formerly =
                    read::list(value).iter().filter_map(|v| read::text(v, "an id", diagnostics)).collect();
            }
            _ => unknown_key(key, CASE_KEYS.iter().map(|(key, _)| *key), diagnostics),
        }
    }
    if let Some((key, value)) = given {
        let setup = Key { text: "setup".to_owned(), span: key.span, plain: true };
        case.steps.insert(
            0,
            Node { span: key.span, value: Value::Map(vec![(setup, value.clone())]), plain: false },
        );
    }
    if case.deadline.is_zero() {
        diagnostics.error(case.title_span, "a deadline of nothing leaves no time");
    }
    if entries.iter().any(|(key, _)| key.text == "title") && case.title.trim().is_empty() {
        diagnostics.error(case.title_span, "the title says nothing");
    }
    if case.covers.is_empty()
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "covers")
    {
        diagnostics.error(key.span, "a case covers something: ids of requirements.yaml");
    }
    if case.raw && case.link != Link::Wire {
        diagnostics.error_help(case.title_span, "a far end is there on a wire alone", "write `link: wire`");
    }
    required(entries, &node, &["title", "covers", "steps"], diagnostics);
    check_id(&case, diagnostics);
    Some(case)
}

/// Reads a file of `setups/`.
pub fn read_setup(source: &Arc<Source>, diagnostics: &mut Diagnostics) -> Option<Setup> {
    let node = yaml::read(source, diagnostics)?;
    let entries = read::map_or_error(&node, "a setup: a map", diagnostics)?;
    let mut setup =
        Setup { source: Arc::clone(source), title: String::new(), needs: Vec::new(), steps: Vec::new() };
    for (key, value) in entries {
        match key.text.as_str() {
            "title" => setup.title = read::prose(value, "a sentence", diagnostics).unwrap_or_default(),
            "link" => {
                link(value, diagnostics);
            }
            "needs" => setup.needs = read::list(value).to_vec(),
            "steps" => setup.steps = steps(value, diagnostics),
            _ => unknown_key(key, SETUP_KEYS, diagnostics),
        }
    }
    required(entries, &node, &["title", "steps"], diagnostics);
    Some(setup)
}

impl Setup {
    /// The setup as a case of its own, so that it is checked though no case uses it.
    #[must_use]
    pub fn as_case(&self, name: &str) -> Case {
        let raw = name.ends_with("-raw");
        Case {
            id: format!("setups/{name}"),
            source: Arc::clone(&self.source),
            title: self.title.clone(),
            title_span: Span::default(),
            covers: Vec::new(),
            link: if raw || name.ends_with("-wire") { Link::Wire } else { Link::Loopback },
            raw,
            needs: self.needs.clone(),
            settings: Vec::new(),
            axes: Vec::new(),
            except: Vec::new(),
            steps: self.steps.clone(),
            os: None,
            deadline: DEADLINE,
            slow: false,
            formerly: Vec::new(),
        }
    }
}

impl Case {
    /// Where the case begins to speak: its title.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { source: Arc::clone(&self.source), span: self.title_span }
    }

    /// The folder that the case is in.
    #[must_use]
    pub fn family(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

fn unknown_key<'a>(key: &Key, known: impl IntoIterator<Item = &'a str>, diagnostics: &mut Diagnostics) {
    if key.text == "on" || key.text == "true" {
        let help = "many YAML tools take `on` for a boolean; the key is `os`";
        diagnostics.error_help(key.span, format!("unknown key `{}`", key.text), help);
    } else {
        diagnostics.unknown(key.span, "key", &key.text, known);
    }
}

fn required(entries: &[(Key, Node)], node: &Node, keys: &[&str], diagnostics: &mut Diagnostics) {
    for required in keys {
        if !entries.iter().any(|(key, _)| key.text == *required) {
            diagnostics.error(node.span, format!("the key `{required}` is missing"));
        }
    }
}

fn check_id(case: &Case, diagnostics: &mut Diagnostics) {
    let parts: Vec<_> = case.id.split('/').collect();
    let good = |part: &&str| !part.is_empty() && matrix::slug(part) == **part;
    if parts.len() != 2 || !parts.iter().all(good) {
        diagnostics.error_help(
            Span::default(),
            format!("`{}` is no path of a case", case.source.path),
            "<family>/<behaviour>.yaml, with a-z, 0-9 and single hyphens",
        );
    }
}

fn link(value: &Node, diagnostics: &mut Diagnostics) -> Link {
    match read::text(value, "a link", diagnostics).as_deref() {
        Some("loopback") | None => Link::Loopback,
        Some("wire") => Link::Wire,
        Some(other) => {
            diagnostics.unknown(value.span, "link", other, ["loopback", "wire"]);
            Link::Loopback
        }
    }
}

fn far_end(value: &Node, diagnostics: &mut Diagnostics) -> bool {
    match read::text(value, "raw, or socket", diagnostics).as_deref() {
        Some("raw") => true,
        Some("socket") | None => false,
        Some(other) => {
            diagnostics.unknown(value.span, "far end", other, ["raw", "socket"]);
            false
        }
    }
}

fn steps(value: &Node, diagnostics: &mut Diagnostics) -> Vec<Node> {
    match &value.value {
        Value::List(items) if !items.is_empty() => items.clone(),
        Value::List(_) => {
            diagnostics.error(value.span, "a case without steps shows nothing");
            Vec::new()
        }
        _ => {
            diagnostics.error(value.span, format!("a list of steps is due, this is {}", value.kind()));
            Vec::new()
        }
    }
}

fn excepts(value: &Node, diagnostics: &mut Diagnostics) -> Vec<Except> {
    let mut excepts = Vec::new();
    for item in read::list(value) {
        let Some(entries) = read::map_or_error(item, "an exception: a map with `where`", diagnostics) else {
            continue;
        };
        let mut except = Except {
            condition: Node { span: item.span, value: Value::Map(Vec::new()), plain: false },
            steps: None,
            os: None,
            why: None,
            source: None,
        };
        for (key, value) in entries {
            match key.text.as_str() {
                "where" => except.condition = value.clone(),
                "steps" => except.steps = Some(value.clone()),
                "os" => except.os = Some(value.clone()),
                "why" => except.why = read::prose(value, "a reason", diagnostics),
                "source" => except.source = read::prose(value, "a source", diagnostics),
                _ => unknown_key(key, ["where", "steps", "os", "why", "source"], diagnostics),
            }
        }
        if item.get("where").is_none() {
            diagnostics.error(item.span, "an exception says `where`");
        }
        if except.steps.is_none() && except.os.is_none() {
            diagnostics.error(item.span, "this exception changes nothing: it has neither `steps` nor `os`");
        }
        excepts.push(except);
    }
    excepts
}
