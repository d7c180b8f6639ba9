//! Tests of [`super`]: content, and that the file is well-formed and valid whatever a behaviour produced.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::sample::{self, Files};
use super::*;
use crate::captures::Captures;
use crate::cli::Capture;

fn written(results: &Results, gate: Gate, flavour: JunitFlavour) -> String {
    let context = Context { files: &Files, command: "sockspec --target localhost", captures: None };
    let mut out = Vec::new();
    write(results, &context, &gate, flavour, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn some_of_each() -> Results {
    let with = |id, kind, text| {
        let mut trial = sample::trial(id, kind);
        trial.verdict.findings = vec![sample::finding(None, text, "", "")];
        trial
    };
    let mut deviates = with("accept/b", Kind::Deviates, "accept server: EINVAL");
    deviates.verdict.findings[0].source = Some("accept(2)".into());
    sample::results(vec![
        sample::trial("accept/a", Kind::Pass),
        deviates,
        with("accept/c", Kind::Known, "https://example.invalid/1"),
        with("accept/d", Kind::Observed, "state server: TIME_WAIT"),
        with("accept/e", Kind::Skip, "no IPv6 here"),
        sample::refused(),
        with("refused/fixed", Kind::Fixed, "listed, but did not happen"),
        sample::broken(),
    ])
}

/// The rules of the Jenkins xUnit plugin's schema that reports of others have broken, and XML's own. Returns how
/// many test cases there are.
fn check(xml: &str, flavour: JunitFlavour) -> usize {
    let allowed = |element: &str| -> &[&str] {
        match element {
            "testsuite" => {
                &["id", "name", "package", "tests", "errors", "failures", "hostname", "timestamp", "time"]
            }
            "testcase" if flavour == JunitFlavour::Xunit => &["name", "time", "classname"],
            "testcase" => &["name", "time", "classname", "file"],
            "failure" | "error" | "skipped" => &["type", "message"],
            _ => &[],
        }
    };
    let parent_of = |element: &str| -> &[&str] {
        match element {
            "testsuites" => &[""],
            "testsuite" => &["testsuites"],
            "testcase" => &["testsuite"],
            "system-out" => &["testsuite", "testcase"],
            "failure" | "error" | "skipped" => &["testcase"],
            other => panic!("unknown element {other}"),
        }
    };
    for c in xml.chars() {
        assert!(
            matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..),
            "{c:?}"
        );
    }
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<String> = Vec::new();
    let (mut cases, mut results) = (0, 0);
    loop {
        let event = reader.read_event().unwrap();
        let (start, empty) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Text(text) => {
                let text = text.decode().unwrap();
                assert!(text.trim().is_empty() && !text.contains("]]>"), "text outside of CDATA: {text}");
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
        assert!(parent_of(&name).contains(&open.last().map_or("", String::as_str)), "{name} in {open:?}");
        let attributes: BTreeMap<String, String> = start
            .attributes()
            .with_checks(true)
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                (key, String::from_utf8(attribute.value.to_vec()).unwrap())
            })
            .collect();
        for (key, value) in &attributes {
            assert!(allowed(&name).contains(&key.as_str()), "{name} {key}");
            assert!(!value.contains('<'), "{value}");
            if key == "time" {
                assert!(value.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 3), "{value}");
            }
        }
        match name.as_str() {
            "testsuite" => {
                for needed in ["name", "tests", "failures", "errors"] {
                    assert!(attributes.contains_key(needed));
                }
                assert!(!attributes["timestamp"].contains('.'), "{}", attributes["timestamp"]);
            }
            "testcase" => {
                assert!(attributes.contains_key("name") && attributes.contains_key("classname"));
                (cases, results) = (cases + 1, 0);
            }
            "failure" | "error" | "skipped" => {
                results += 1;
                assert_eq!(results, 1, "at most one result in a test case");
            }
            _ => {}
        }
        if !empty {
            open.push(name);
        }
    }
    assert!(open.is_empty());
    cases
}

#[test]
fn each_verdict_has_its_element() {
    let xml = written(&some_of_each(), Gate::default(), JunitFlavour::Default);
    assert_eq!(check(&xml, JunitFlavour::Default), 8);
    for part in [
        r#"name="linux-6.18.accept" package="" tests="5" errors="0" failures="0""#,
        r#"name="linux-6.18.refused" package="" tests="3" errors="1" failures="2""#,
        r#"timestamp="2026-11-22T10:00:00Z" time="0.005""#,
        r#"<testcase name="accept/a" time="0.001" classname="linux-6.18.accept" file="cases/accept/a.yaml"/>"#,
        r#"<system-out><![CDATA[deviates: accept server: EINVAL (accept(2))"#,
        r#"<skipped type="known" message="https://example.invalid/1"/>"#,
        r#"<skipped type="observed" message="state server: TIME_WAIT"/>"#,
        r#"<skipped type="skip" message="no IPv6 here"/>"#,
        r#"<failure type="fail" message="connect client: expected ECONNREFUSED, got ETIMEDOUT"><![CDATA[cases/refused/closed-port.yaml:7:5: connect client"#,
        r#"<failure type="fixed""#,
        r#"<error type="broken" message="the helper has ended"><![CDATA["#,
        "[[PROPERTY|net.ipv4.tcp_congestion_control=cubic]]",
    ] {
        assert!(xml.contains(part), "{part} in\n{xml}");
    }
}

#[test]
fn what_is_forbidden_is_a_failure_here_too() {
    let gate = Gate { strict: true, deny_observed: true, deny_skip: true, ..Gate::default() };
    let xml = written(&some_of_each(), gate, JunitFlavour::Default);
    for kind in ["deviates", "observed", "skip"] {
        assert!(xml.contains(&format!(r#"<failure type="{kind}""#)), "{kind}");
    }
}

#[test]
fn xunit_has_no_file() {
    check(&written(&some_of_each(), Gate::default(), JunitFlavour::Xunit), JunitFlavour::Xunit);
}

#[test]
fn sums_of_times_keep_three_decimals() {
    let trials = (0..1003)
        .map(|n| {
            let mut trial = sample::trial(&format!("a/b[{n}]"), Kind::Pass);
            trial.record.duration = 1_000_001 * n;
            trial
        })
        .collect();
    check(&written(&sample::results(trials), Gate::default(), JunitFlavour::Xunit), JunitFlavour::Xunit);
    check(&written(&sample::results(Vec::new()), Gate::default(), JunitFlavour::Xunit), JunitFlavour::Xunit);
}

#[test]
fn labels_tell_platforms_apart() {
    assert_eq!(label(&sample::platform(Os::Linux, "6.18.44", "native")), "linux-6.18");
    assert_eq!(label(&sample::platform(Os::Freebsd, "14.1", "native")), "freebsd-14.1");
    assert_eq!(
        label(&sample::platform(Os::Windows, "10.0.19045", "wine 10.0")),
        "wine-10.0-as-windows-10.0.19045"
    );
}

/// Text with what breaks XML, among anything else.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        Just("]]>".to_owned()),
        Just("]]".to_owned()),
        Just(">".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("\0\u{1b}[31m\u{fffe}\u{ffff}\u{85}\r\n\t".to_owned()),
        Just("\"'&<a>&#0;".to_owned()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_in_any_field_is_well_formed(texts in prop::collection::vec(hostile(), 12), kind in 0..8usize) {
        let mut trial = sample::refused();
        trial.verdict.kind = Kind::ALL[kind];
        trial.id = format!("{}/{}", texts[0], texts[1]);
        trial.title.clone_from(&texts[2]);
        trial.file.clone_from(&texts[3]);
        trial.steps = vec![texts[4].clone(), texts[5].clone()];
        trial.also.insert(texts[4].clone(), 1);
        trial.runs = 2;
        let finding = &mut trial.verdict.findings[0];
        finding.text.clone_from(&texts[6]);
        finding.expected = Some(texts[7].clone());
        finding.observed = Some(texts[8].clone());
        finding.why = Some(texts[9].clone());
        finding.source = Some(texts[10].clone());
        trial.record.steps[0].note = Some(texts[11].clone());
        trial.record.steps[0].outcome = Some(sockspec_harness::outcome::Outcome::Text(texts[6].clone()));
        let mut results = sample::results(vec![trial]);
        results.platform.stack.clone_from(&texts[0]);
        results.platform.privileges.clone_from(&texts[1]);
        results.platform.settings.insert(texts[2].clone(), texts[3].clone());
        results.started.clone_from(&texts[4]);
        for flavour in [JunitFlavour::Default, JunitFlavour::Xunit] {
            let xml = written(&results, Gate::default(), flavour);
            prop_assert_eq!(check(&xml, flavour), 1);
        }
    }

    #[test]
    fn text_is_read_back_as_it_was_shown(text in hostile()) {
        let xml = format!("<a><![CDATA[{}]]></a>", content(&text));
        let mut reader = Reader::from_str(&xml);
        let mut back = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::CData(data) => back += &data.decode().unwrap(),
                Event::Eof => break,
                _ => {}
            }
        }
        prop_assert_eq!(back, visible(&text).into_owned());
    }
}

#[test]
fn a_capture_is_attached() {
    let captures = Captures::new(std::path::Path::new("reports"), Capture::Failed, Gate::default());
    let context = Context { files: &Files, command: "sockspec", captures: Some(&captures) };
    let mut out = Vec::new();
    let results = sample::results(vec![sample::crossing(), sample::refused()]);
    write(&results, &context, &Gate::default(), JunitFlavour::Default, &mut out).unwrap();
    let xml = String::from_utf8(out).unwrap();
    assert_eq!(xml.matches("[[ATTACHMENT|").count(), 1, "{xml}");
    assert!(xml.contains("simultaneous-close__crossing-fins.ipv4.pcapng]]"), "{xml}");
    assert_eq!(check(&xml, JunitFlavour::Default), 2);
}
