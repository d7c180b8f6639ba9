//! What a trial over the wire costs beside the same calls on loopback: `cargo bench --bench wire`, as root.
//!
//! As in `trials`, everything is told as a ratio to raw system calls measured alternately with it, and nothing here
//! asserts a time.

mod shared;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use sockspec_harness::host::link::{Link, Request};
use sockspec_harness::host::loopback::{Loopback, Network};

use shared::{CASE, ROUNDS, median, passes, per_second, raw, report, time, trial};

/// Trials in a round.
const EACH: usize = 100;
/// Pairs of namespaces that are made.
const PAIRS: usize = 50;

/// The segment that is held in the other trial.
const HOLD: &str =
    "  - hold: FIN from client\n  - shutdown: client\n    how: write\n  - release: FIN from client\n";

fn main() -> ExitCode {
    shared::main(measure)
}

fn measure(network: &Network) -> Result<(), Box<dyn std::error::Error>> {
    let link = Loopback::new(network)?;
    if !link.platform().offers.contains("wire") {
        report(&format!(
            "there is no wire here: {}",
            link.platform().missing.get("wire").map_or("", String::as_str)
        ));
        return Ok(());
    }
    let plain = CASE.replace("steps:", "link: wire\nsteps:");
    let held = plain.replace("  - shutdown: client\n    how: write\n", HOLD);
    let (plain, held) = (trial(&link, "bench-wire-plain", &plain)?, trial(&link, "bench-wire-held", &held)?);
    let (mut raws, mut plains, mut helds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let ip = Ipv4Addr::from([127, 200, 0, u8::try_from(round)? + 1]);
        raws.push(time(EACH, || raw(ip.into()))?);
        plains.push(time(EACH, || passes(&plain, &link))?);
        helds.push(time(EACH, || passes(&held, &link))?);
    }
    let [raw, plain_time, held_time] = [&mut raws, &mut plains, &mut helds].map(|times| median(times));
    report(&format!("raw system calls on loopback {raw:>10.1} µs"));
    report(&format!(
        "the same as a wire trial     {plain_time:>10.1} µs, {:.2} times the raw calls",
        plain_time / raw
    ));
    report(&format!(
        "with a segment held          {held_time:>10.1} µs, {:.1} µs more",
        held_time - plain_time
    ));
    // A setting makes a trial have a pair of its own.
    let settings = [("net.ipv4.tcp_fin_timeout".to_owned(), "5".to_owned())].into();
    let request = Request { wire: true, settings, ..Request::default() };
    let pair = time(PAIRS, || link.open(&request).map(drop).map_err(Into::into))?;
    report(&format!("a pair of namespaces         {pair:>10.1} µs, {:.0} per second", 1e6 / pair));
    let alone = per_second(&plain, &link, 1)?;
    report(&format!("wire trials at 1 job         {alone:>10.0} per second"));
    for jobs in [8, 64] {
        let many = per_second(&plain, &link, jobs)?;
        report(&format!(
            "wire trials at {jobs:>2} jobs       {many:>10.0} per second, {:.2} times",
            many / alone
        ));
    }
    Ok(())
}
