//! Downloads a model or a data set into a cache and prints its place:
//! `cargo run -p lobass-hub --example fetch -- CACHE org/name[@revision] | hf://datasets/org/name`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its reader")]

use std::error::Error;
use std::path::Path;

use lobass_hub::{DataAddress, Event, Hub, HubSettings, RepoId};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cache, wanted] = arguments.as_slice() else {
        eprintln!("expected a directory and an id, as in `fetch cache org/name`");
        return Ok(());
    };
    let mut last = String::new();
    let mut observe = |event: Event<'_>| {
        if let Event::Bytes { file, size, .. } = event
            && file != last
        {
            file.clone_into(&mut last);
            eprintln!("{file}: {size} bytes");
        }
    };
    let hub = Hub::new(HubSettings::new(Path::new(cache)))?;
    if DataAddress::is_meant(wanted) {
        for (path, address) in hub.data(&wanted.parse()?, &mut observe)?.files {
            println!("{address}\t{}", path.display());
        }
    } else {
        let found = hub.model(&wanted.parse::<RepoId>()?, &mut observe)?;
        println!("{}\t{}", found.repo, found.dir.display());
    }
    Ok(())
}
