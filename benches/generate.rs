//! Makes the benchmarks' data: `cargo bench --bench generate -- --scale 0.01` makes 10,000 people; without a scale it is
//! a million. What is there already is kept. Prints `bench generate seconds= bytes= folder=`.

mod support;

use std::time::Instant;

use support::{Data, scale};

fn main() -> std::io::Result<()> {
    let started = Instant::now();
    let data = Data::of_scale(scale());
    if !data.exists() {
        data.generate()?;
    }
    println!(
        "bench generate seconds={:.1} users={} groups={} memberships={} bytes={} folder={}",
        started.elapsed().as_secs_f64(),
        data.shape.users,
        data.shape.groups,
        data.shape.memberships,
        data.bytes()?,
        data.folder.display(),
    );
    Ok(())
}
