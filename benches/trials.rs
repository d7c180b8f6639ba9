//! What a trial costs beside its system calls, in one run on one machine: `cargo bench`.
//!
//! Everything is told as a ratio to raw system calls measured alternately with it, because machines are noisy. Nothing
//! here asserts a time. The memory of a long run and the start of the program are measured on the program itself.

mod shared;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use sockspec_harness::host::loopback::{Loopback, Network};

use shared::{CASE, ROUNDS, median, passes, per_second, raw, report, time, trial};

/// Trials in a round.
const EACH: usize = 500;
/// Where the case is.
const FOLDER: &str = "bench-cases";

fn main() -> ExitCode {
    shared::main(measure)
}

fn measure(network: &Network) -> Result<(), Box<dyn std::error::Error>> {
    let link = Loopback::new(network)?;
    let trial = trial(&link, FOLDER, CASE)?;
    let mut raws = Vec::new();
    let mut trials = Vec::new();
    for round in 0..ROUNDS {
        let ip =
            if *network == Network::Own { [127, 200, 0, u8::try_from(round)? + 1] } else { [127, 0, 0, 1] };
        raws.push(time(EACH, || raw(Ipv4Addr::from(ip).into()))?);
        trials.push(time(EACH, || passes(&trial, &link))?);
    }
    let (raw, one) = (median(&mut raws), median(&mut trials));
    report(&format!("raw system calls      {raw:>10.1} µs"));
    report(&format!("the same as a trial   {one:>10.1} µs, {:.2} times the raw calls", one / raw));
    let alone = per_second(&trial, &link, 1)?;
    let many = per_second(&trial, &link, 8)?;
    report(&format!("trials at 1 job       {alone:>10.0} per second"));
    report(&format!("trials at 8 jobs      {many:>10.0} per second, {:.2} times", many / alone));
    whole_program()
}

/// Start and memory of the program that users run.
fn whole_program() -> Result<(), Box<dyn std::error::Error>> {
    let program = env!("CARGO_BIN_EXE_sockspec");
    let begin = Instant::now();
    let listed = Command::new(program).arg("--list").output()?;
    let all = String::from_utf8_lossy(&listed.stdout).lines().count();
    report(&format!("start, and reading all cases  {:?} for {all} trials", begin.elapsed()));
    let cases = Path::new(env!("CARGO_TARGET_TMPDIR")).join(FOLDER);
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
