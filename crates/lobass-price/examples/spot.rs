//! Savings of cheap preemptible nodes, for one job and each schedule.
//!
//! Run with `cargo run -p lobass-price --example spot`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_price::{Cluster, Error, Failures, Schedule, expect};

fn main() -> Result<(), Error> {
    let units = vec![150.0; 4000];
    let kept = Cluster { devices_per_node: 8, speed_spread: 0.03, load_seconds: 60.0, ..Cluster::of(64) };
    let spot = Cluster {
        failures: Some(Failures { mtbf_seconds: 6.0 * 3600.0, replacement_seconds: 600.0 }),
        ..kept
    };
    let schedules = [
        ("static", Schedule::Static),
        ("array", Schedule::Array { tasks_per_device: 16 }),
        ("pool", Schedule::Pool),
    ];
    for (name, schedule) in schedules {
        let (kept, spot) = (expect(&units, &kept, schedule, 20)?, expect(&units, &spot, schedule, 20)?);
        println!(
            "{name:8} {:.2} h for ${:.0} on nodes that stay, {:.2} h for ${:.0} on others with {:.1} failures",
            kept.makespan / 3600.0,
            2.5 * kept.device_hours(),
            spot.makespan / 3600.0,
            1.0 * spot.device_hours(),
            spot.n_failures,
        );
    }
    Ok(())
}
