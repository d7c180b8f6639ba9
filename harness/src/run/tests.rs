//! Trials on a host that does what the test wants.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::case::suite::{Origin, Suite};
use crate::host::call::{Action, Call, Completion, Family};
use crate::host::link::{Request, Session};
use crate::host::{CallId, Host, Look, Progress, Seen, Until};
use crate::judge::verdict::Kind;
use crate::outcome::Outcome;
use crate::platform::{Os, Platform, sample};

const SECOND: u64 = 1_000_000_000;

/// A host on which time passes as it says itself.
struct Scripted {
    platform: Platform,
    late: u64,
    /// How late the machine is during a listen, and during a connect.
    late_in: [u64; 2],
    looks: u64,
}

impl Host for Scripted {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
            Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
        }
    }

    fn run(&mut self, call: &Call, _: Duration) -> Result<Completion, HostFault> {
        let (outcome, took) = match &call.action {
            Action::Listen { .. } => {
                self.late += self.late_in[0];
                (Outcome::Ok, 0)
            }
            Action::Connect { .. } => {
                self.late += self.late_in[1];
                (Outcome::Error("ECONNREFUSED".to_owned()), SECOND)
            }
            _ => (Outcome::Ok, 0),
        };
        Ok(Completion {
            outcome,
            code: None,
            native: None,
            signal: None,
            begin: 0,
            end: took,
            late: 0,
            local: None,
            peer: None,
            moved: None,
        })
    }

    fn start(&mut self, _: &Call) -> Result<CallId, HostFault> {
        Err(HostFault::new("no background here"))
    }

    fn wait(&mut self, _: CallId, _: Until, _: Duration) -> Result<Progress, HostFault> {
        Err(HostFault::new("no background here"))
    }

    fn interrupt(&mut self, _: CallId, _: bool) -> Result<(), HostFault> {
        Err(HostFault::new("no background here"))
    }

    fn cancel(&mut self, _: CallId) -> Result<Completion, HostFault> {
        Err(HostFault::new("no background here"))
    }

    fn behind(&self) -> u64 {
        0
    }

    fn lateness(&mut self) -> u64 {
        self.late
    }

    fn late_so_far(&self) -> u64 {
        self.late
    }

    fn observe(&mut self, look: &Look) -> Result<Seen, HostFault> {
        self.looks += 1;
        Ok(match look {
            Look::ClosedPort { .. } => Seen::Port(20_000),
            _ => Seen::Count(self.looks),
        })
    }
}

/// Such hosts.
struct Script([u64; 2]);

impl Link for Script {
    fn open(&self, _: &Request) -> Result<Session, Unavailable> {
        let host = Scripted { platform: sample(Os::Linux), late: 0, late_in: self.0, looks: 0 };
        Ok(Session::alone(Box::new(host)))
    }
}

/// The verdict on a case whose steps these are, where the machine is so late.
fn verdict(case: &'static [(&'static str, &'static str)], late: [u64; 2]) -> Kind {
    let suite = Suite::load(&Origin::Embedded(case), |_| true).unwrap();
    let trials = suite.trials(&sample(Os::Linux)).unwrap();
    let record = run(&trials[0], &Script(late)).unwrap();
    judge::judge(&trials[0], &record).kind
}

#[test]
fn what_the_machine_was_late_before_is_no_excuse() {
    const CASE: &[(&str, &str)] = &[(
        "refused/late.yaml",
        "title: A connect is refused at once
covers: [T25]
steps:
  - listen: listener
  - connect: client
    to: closed port
    expect: ECONNREFUSED
    takes: ..100ms
",
    )];
    assert_eq!(verdict(CASE, [0, 0]), Kind::Fail);
    assert_eq!(verdict(CASE, [10 * SECOND, 0]), Kind::Fail, "late before");
    assert_eq!(verdict(CASE, [0, 10 * SECOND]), Kind::Pass, "late meanwhile");
}

#[test]
fn what_never_settles_ends_at_its_limit() {
    const CASE: &[(&str, &str)] = &[(
        "refused/unsettled.yaml",
        "title: A queue that always grows
covers: [T25]
steps:
  - socket: client
  - queued: client
    within: 200ms
    expect: unknown
",
    )];
    assert_eq!(verdict(CASE, [0, 0]), Kind::Observed);
}
