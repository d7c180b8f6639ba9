//! What both benchmarks need: one case, the same calls by hand, and clocks around them. What is compared is theirs.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use sockspec_harness::case::suite::{Origin, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::host::loopback::{Loopback, Network};
use sockspec_harness::judge;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::run;

/// Rounds of each kind, taken in turns.
pub(crate) const ROUNDS: usize = 20;

/// The same calls as [`raw`] makes.
pub(crate) const CASE: &str = "\
title: A connection is half-closed and read to its end
covers: [T11]
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

/// Measures in a network of its own, and tells what went wrong.
pub(crate) fn main(measure: impl FnOnce(&Network) -> Result<(), Box<dyn Error>>) -> ExitCode {
    let network = Network::enter(false);
    match measure(&network) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("the benchmark failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The trial of a case, which is written to the folder of that name.
pub(crate) fn trial(link: &Loopback, folder: &str, text: &str) -> Result<Trial, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(folder.join("bench"))?;
    fs::write(folder.join("bench/half-close.yaml"), text)?;
    let suite = Suite::load(&Origin::Folder(folder), |_| true)?;
    suite.trials(link.platform())?.pop().ok_or_else(|| "no trial".into())
}

/// Runs a trial, which has to pass.
pub(crate) fn passes(trial: &Trial, link: &Loopback) -> Result<(), Box<dyn Error>> {
    let record = run::run(trial, link)?;
    let verdict = judge::judge(trial, &record);
    if verdict.kind == Kind::Pass { Ok(()) } else { Err(format!("{verdict:?}").into()) }
}

/// A connection by hand.
pub(crate) fn raw(ip: IpAddr) -> Result<(), Box<dyn Error>> {
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
pub(crate) fn time(
    count: usize,
    mut one: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    (0..count).try_for_each(|_| one())?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / count as f64)
}

/// The value in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Trials in a second at so many jobs. All of them have to pass.
pub(crate) fn per_second(trial: &Trial, link: &Loopback, jobs: usize) -> Result<f64, Box<dyn Error>> {
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
pub(crate) fn report(line: &str) {
    println!("{line}");
}
