//! `results.json`: the results as they are, one trial a line, so that two files can be compared by line.

use std::io::{self, Write};

use sockspec_harness::results::Results;

/// Writes the results.
pub fn write(results: &Results, out: &mut dyn Write) -> io::Result<()> {
    let Results { format, sockspec, started, duration, real_duration, part, not_run, platform, trials } =
        results;
    let head = Results {
        format: *format,
        sockspec: sockspec.clone(),
        started: started.clone(),
        duration: *duration,
        real_duration: *real_duration,
        part: *part,
        not_run: *not_run,
        platform: platform.clone(),
        trials: Vec::new(),
    };
    let head = serde_json::to_string_pretty(&head)?;
    // The trials are the last field.
    let Some(head) = head.strip_suffix("[]\n}") else {
        return Ok(serde_json::to_writer(out, results)?);
    };
    out.write_all(head.as_bytes())?;
    out.write_all(b"[")?;
    for (i, trial) in trials.iter().enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, trial)?;
    }
    out.write_all(b"\n]}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use sockspec_harness::judge::verdict::Kind;

    #[test]
    fn what_is_written_can_be_read_and_has_a_line_for_each_trial() {
        for trials in [vec![], vec![sample::refused(), sample::trial("a/b", Kind::Pass)]] {
            let results = sample::results(trials);
            let mut out = Vec::new();
            write(&results, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let back: Results = serde_json::from_str(&text).unwrap();
            assert_eq!(back, results);
            let lines = text.lines().filter(|line| line.starts_with("{\"id\"")).count();
            assert_eq!(lines, results.trials.len());
        }
    }
}
