//! What a trial costs beside its system calls, in one run on one machine: `cargo bench`.
//!
//! Everything is told as a ratio to raw system calls measured alternately with it, because machines are noisy. Nothing
//! here asserts a time. The memory of a long run and the start of the program are measured on the program itself.

use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
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
const ROUNDS: usize = 20;
/// Trials in a round.
const EACH: usize = 500;

/// The same calls as [`raw`] makes.
const CASE: &str = "\
title: A connection is half-closed and read to its end
covers: [T11]
steps:
  - bind: listener
    address: any port
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
    let trial = trial(&link)?;
    let mut raws = Vec::new();
    let mut trials = Vec::new();
    for round in 0..ROUNDS {
        let ip =
            if *network == Network::Own { [127, 200, 0, u8::try_from(round)? + 1] } else { [127, 0, 0, 1] };
        raws.push(time(|| (0..EACH).try_for_each(|_| raw(Ipv4Addr::from(ip).into())))?);
        trials.push(time(|| {
            (0..EACH).try_for_each(|_| {
                let record = run::run(&trial, &link)?;
                let verdict = judge::judge(&trial, &record);
                if verdict.kind == Kind::Pass { Ok(()) } else { Err(format!("{verdict:?}").into()) }
            })
        })?);
    }
    let (raw, one) = (median(&mut raws), median(&mut trials));
    report(&format!("raw system calls      {raw:>10.1} µs"));
    report(&format!("the same as a trial   {one:>10.1} µs, {:.2} times the raw calls", one / raw));
    let alone = per_second(&trial, &link, 1);
    let many = per_second(&trial, &link, 8);
    report(&format!("trials at 1 job       {alone:>10.0} per second"));
    report(&format!("trials at 8 jobs      {many:>10.0} per second, {:.2} times", many / alone));
    whole_program()
}

fn trial(link: &Loopback) -> Result<Trial, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cases");
    fs::create_dir_all(folder.join("bench"))?;
    fs::write(folder.join("bench/half-close.yaml"), CASE)?;
    let suite = Suite::load(&Origin::Folder(folder), |_| true)?;
    suite.trials(link.platform())?.pop().ok_or_else(|| "no trial".into())
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

/// µs for each of a round.
fn time(
    mut round: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let begin = Instant::now();
    round()?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / EACH as f64)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn per_second(trial: &Trial, link: &Loopback, jobs: usize) -> f64 {
    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while begin.elapsed() < Duration::from_secs(1) {
                    if run::run(trial, link).is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

/// Start and memory of the program that users run.
fn whole_program() -> Result<(), Box<dyn std::error::Error>> {
    let program = env!("CARGO_BIN_EXE_sockspec");
    let begin = Instant::now();
    let listed = Command::new(program).arg("--list").output()?;
    let all = String::from_utf8_lossy(&listed.stdout).lines().count();
    report(&format!("start, and reading all cases  {:?} for {all} trials", begin.elapsed()));
    let cases = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cases");
    for repeat in [1_000_u64, 100_000] {
        let begin = Instant::now();
        let mut child = Command::new(program)
            .args(["--target", "localhost", "--no-reports", "--quiet", "--cases"])
            .arg(&cases)
            .args(["--repeat", &repeat.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        let mut most = 0;
        while child.try_wait()?.is_none() {
            most = most.max(resident(child.id()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        report(&format!("{repeat:>7} trials         {most:>10} kB at most, {:?}", begin.elapsed()));
    }
    Ok(())
}

/// kB in memory; only where /proc is.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its numbers")]
fn report(line: &str) {
    println!("{line}");
}
