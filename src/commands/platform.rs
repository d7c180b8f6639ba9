//! `sockspec platform`: what is known of this machine.

use std::io::{self, Write};

use sockspec_harness::host::loopback::Network;

use crate::error::Error;
use crate::exit::Exit;
use crate::jobs;

/// Shows the facts, as lines or as they stand in results.json.
pub fn platform(json: bool, network: &Network, out: &mut dyn Write) -> Result<Exit, Error> {
    let link = jobs::link(network)?;
    let platform = link.platform();
    if json {
        serde_json::to_writer_pretty(&mut *out, platform.as_ref())
            .map_err(|error| Error::Stdout(error.to_string()))?;
        writeln!(out).map_err(stdout)?;
        return Ok(Exit::AsRecorded);
    }
    let families: Vec<_> =
        platform.families.iter().map(|family| format!("{family:?}").to_lowercase()).collect();
    for (name, value) in [
        ("system", format!("{} {} ({})", platform.os, platform.version, platform.version_text)),
        ("stack", platform.stack.clone()),
        ("processor", platform.arch.clone()),
        ("families", families.join(", ")),
        ("states from", platform.oracle.clone()),
        ("network", platform.network.clone()),
        ("rights", platform.privileges.clone()),
    ] {
        writeln!(out, "{name:<12} {value}").map_err(stdout)?;
    }
    writeln!(out, "\noffers").map_err(stdout)?;
    for offer in &platform.offers {
        writeln!(out, "  {offer}").map_err(stdout)?;
    }
    writeln!(out, "\nsettings").map_err(stdout)?;
    for (name, value) in &platform.settings {
        writeln!(out, "  {name} = {value}").map_err(stdout)?;
    }
    Ok(Exit::AsRecorded)
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
