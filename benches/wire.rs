//! What a trial over the wire costs beside the same calls on loopback: `cargo bench --bench wire`, as root.
//!
//! As in `trials`, everything is told as a ratio to raw system calls measured alternately with it, and nothing here
//! asserts a time.

use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use sockspec_harness::case::suite::{Origin, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::host::link::{Link, Request};
use sockspec_harness::host::loopback::{Loopback, Network};
use sockspec_harness::judge;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::run;

/// Rounds of each kind, taken in turns.
const ROUNDS: usize = 20;
/// Trials in a round.
const EACH: usize = 100;
/// Pairs of namespaces that are made.
const PAIRS: usize = 50;

/// The same calls as [`raw`] makes.
const PLAIN: &str = "\
title: A connection over the wire is half-closed and read to its end
covers: [T11]
link: wire
steps:
  - bind: listener
    address: any port
    at: server
  - listen: listener
  - connect: client
    to: listener
  - accept: listener
  - shutdown: client
    how: write
  - recv: server
    expect: eof
  - close: server
  - close: client
  - close: listener
";

/// The segment that is held in the other trial.
const HOLD: &str =
    "  - hold: FIN from client\n  - shutdown: client\n    how: write\n  - release: FIN from client\n";

fn main() -> ExitCode {
    let network = Network::enter(false);
    match measure(&network) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("the benchmark failed: {error}"));
            ExitCode::FAILURE
        }
    }
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
    let held = PLAIN.replace("  - shutdown: client\n    how: write\n", HOLD);
    let (plain, held) = (trial(&link, "plain", PLAIN)?, trial(&link, "held", &held)?);
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

fn trial(link: &Loopback, name: &str, text: &str) -> Result<Trial, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-wire-{name}"));
    fs::create_dir_all(folder.join("bench"))?;
    fs::write(folder.join("bench/half-close.yaml"), text)?;
    let suite = Suite::load(&Origin::Folder(folder), |_| true)?;
    suite.trials(link.platform())?.pop().ok_or_else(|| "no trial".into())
}

fn passes(trial: &Trial, link: &Loopback) -> Result<(), Box<dyn std::error::Error>> {
    let record = run::run(trial, link)?;
    let verdict = judge::judge(trial, &record);
    if verdict.kind == Kind::Pass { Ok(()) } else { Err(format!("{verdict:?}").into()) }
}

/// A connection by hand.
fn raw(ip: IpAddr) -> Result<(), Box<dyn std::error::Error>> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SockAddr::from(SocketAddr::new(ip, 0)))?;
    listener.listen(128)?;
    let address = listener.local_addr()?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.connect(&address)?;
    let (mut server, _) = listener.accept()?;
    client.shutdown(std::net::Shutdown::Write)?;
    let mut buffer = [0; 16];
    if server.read(&mut buffer)? != 0 {
        return Err("not the end of the stream".into());
    }
    Ok(())
}

/// µs for each of so many.
fn time(
    count: usize,
    mut one: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let begin = Instant::now();
    (0..count).try_for_each(|_| one())?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / count as f64)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// All of them have to pass.
fn per_second(trial: &Trial, link: &Loopback, jobs: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let (done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while begin.elapsed() < Duration::from_secs(1) {
                    let count = if passes(trial, link).is_ok() { &done } else { &failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let took = begin.elapsed().as_secs_f64();
    match failed.into_inner() {
        0 => Ok(done.into_inner() as f64 / took),
        n => Err(format!("{n} trials at {jobs} jobs did not pass").into()),
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its numbers")]
fn report(line: &str) {
    println!("{line}");
}
