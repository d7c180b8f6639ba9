//! `junit.xml`, from the results alone, by way of junit-report.
//!
//! That crate passes text through as it is, so everything goes through [`attribute`] or [`content`] first: the file is
//! well-formed whatever bytes a behaviour produced. Names begin with the platform, so that several systems merge.
//! The crate writes no properties; facts of the platform are lines `[[PROPERTY|name=value]]` of the suite's output.

use std::collections::BTreeMap;
use std::io::{self, Write};

use junit_report::{Duration, OffsetDateTime, Report, TestCase, TestCaseBuilder, TestSuite};

use sockspec_harness::judge::verdict::{Finding, Kind};
use sockspec_harness::platform::process::host_name;
use sockspec_harness::platform::{Os, Platform};
use sockspec_harness::results::{Results, TrialResult};

use super::failure::{place, reason, render};
use super::text::{one_line, visible};
use super::{Context, time};
use crate::cli::JunitFlavour;
use crate::exit::Gate;
use crate::select::family;

/// Writes the report. What `gate` forbids is a failure here too, so that file and exit code agree.
pub fn write(
    results: &Results,
    context: &Context<'_>,
    gate: &Gate,
    flavour: JunitFlavour,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_as(&host_name(), results, context, gate, flavour, out)
}

/// Writes the report of a machine of that name.
pub fn write_as(
    host: &str,
    results: &Results,
    context: &Context<'_>,
    gate: &Gate,
    flavour: JunitFlavour,
    out: &mut dyn Write,
) -> io::Result<()> {
    let platform = label(&results.platform);
    let mut suites: BTreeMap<String, Vec<TestCase>> = BTreeMap::new();
    for trial in &results.trials {
        let class = format!("{platform}.{}", family(&trial.id));
        let case = testcase(trial, &class, context, gate, flavour);
        suites.entry(class).or_default().push(case);
    }
    let started = time::parse(&results.started).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (host, facts) = (attribute(host), content(&properties(results)));
    let mut report = Report::new();
    for (name, testcases) in suites {
        let mut suite = TestSuite::new(&attribute(&name));
        // Jenkins puts the package before the name.
        suite.package = String::new();
        suite.hostname.clone_from(&host);
        suite.timestamp = started;
        suite.system_out = Some(facts.clone());
        suite.testcases = testcases;
        report.add_testsuite(suite);
    }
    report.write_xml(&mut *out).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

/// The platform in one word: `linux-6.18`, `wine-10.0-as-windows-10.0.19045`.
#[must_use]
pub fn label(platform: &Platform) -> String {
    let version = match platform.os {
        // What is behind the second number is a patch level.
        Os::Linux => platform.version.0.iter().take(2).map(u32::to_string).collect::<Vec<_>>().join("."),
        _ => platform.version.to_string(),
    };
    let system = format!("{}-{version}", platform.os);
    if platform.stack == "native" {
        return system;
    }
    let word = |c: char| if c.is_alphanumeric() || c == '.' { c } else { '-' };
    format!("{}-as-{system}", platform.stack.chars().map(word).collect::<String>())
}

fn testcase(
    trial: &TrialResult,
    class: &str,
    context: &Context<'_>,
    gate: &Gate,
    flavour: JunitFlavour,
) -> TestCase {
    let name = attribute(&trial.id);
    let took = Duration::milliseconds(i64::try_from(trial.record.duration / 1_000_000).unwrap_or(i64::MAX));
    let kind = trial.verdict.kind;
    let why = attribute(&reason(trial));
    let text = || {
        content(&format!("{}: {}\n\n{}", place(trial, context), reason(trial), render(trial, context, false)))
    };
    let mut case = match kind {
        Kind::Broken => TestCaseBuilder::error(&name, took, kind.name(), &why).set_trace(&text()).build(),
        _ if gate.forbids(kind) => {
            TestCaseBuilder::failure(&name, took, kind.name(), &why).set_trace(&text()).build()
        }
        Kind::Known | Kind::Observed | Kind::Skip => {
            let why = trial.verdict.findings.iter().map(said).collect::<Vec<_>>().join("; ");
            let mut case = TestCase::skipped_with_cause(&name, kind.name(), &attribute(&why));
            case.time = took;
            case
        }
        _ => TestCase::success(&name, took),
    };
    let mut output = String::new();
    if kind == Kind::Deviates {
        output.extend(trial.verdict.findings.iter().map(|finding| format!("deviates: {}\n", said(finding))));
    }
    if let Some(path) = context.captures.and_then(|captures| captures.path(trial)) {
        // GitLab shows such a file beside the test.
        output += &format!("[[ATTACHMENT|{}]]\n", one_line(&path.to_string_lossy()));
    }
    if !output.is_empty() {
        case.set_system_out(&content(&output));
    }
    case.set_classname(&attribute(class));
    if flavour == JunitFlavour::Default {
        case.set_filepath(&attribute(&context.files.shown(&trial.file)));
    }
    case
}

/// A finding with its reasons, in one line.
fn said(finding: &Finding) -> String {
    let mut text = finding.text.clone();
    for more in [&finding.why, &finding.source].into_iter().flatten() {
        text += &format!(" ({more})");
    }
    one_line(&text).into_owned()
}

/// Facts that explain a difference between two runs.
fn properties(results: &Results) -> String {
    let platform = &results.platform;
    let facts = [
        ("sockspec", results.sockspec.as_str()),
        ("os", platform.os.name()),
        ("version", &platform.version_text),
        ("stack", &platform.stack),
        ("arch", &platform.arch),
        ("oracle", &platform.oracle),
        ("network", &platform.network),
        ("privileges", &platform.privileges),
    ];
    let settings = platform.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let line = |(name, value)| format!("[[PROPERTY|{}={}]]\n", one_line(name), one_line(value));
    facts.into_iter().chain(settings).map(line).collect()
}

/// Text for an attribute's value; line ends become spaces, as a parser would make of them.
fn attribute(text: &str) -> String {
    one_line(text).into_owned()
}

/// Text for a CDATA section.
fn content(text: &str) -> String {
    visible(text).replace("]]>", "]]]]><![CDATA[>")
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
