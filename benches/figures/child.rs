//! Programs that are measured in a process of their own.

use std::process::Command;

use crate::{
    data::Data,
    floor,
    measure::{Cost, Measure},
    plan,
};

/// Does the work of the child with this name and prints what it took.
pub fn run(name: &str, scale: f64) {
    let data = Data::of_scale(scale);
    let expected = plan::expected(name.strip_prefix("floor_of_").unwrap_or(name), &data);
    let measure = Measure::begin();
    let (found, steps) = match name {
        "floor_of_first_sync" => (floor::run(&data, false), String::new()),
        name if name.starts_with("floor_of_") => (floor::run(&data, true), String::new()),
        name => plan::run(name, &data),
    };
    let Cost { seconds, cpu, peak_mib } = measure.end();
    assert_eq!(found, expected, "{name} finds what the data were made with");
    println!("{seconds} {cpu} {peak_mib} {steps}");
}

/// Starts such a child and returns what it took. Its steps go to standard error, for whoever looks for what is slow.
pub fn measured(name: &str, scale: f64) -> Cost {
    let program = std::env::current_exe().expect("we know what we are");
    let output = Command::new(program)
        .args(["child", name, "--scale", &scale.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("we can run once more");
    assert!(output.status.success(), "{name} failed: {}", output.status);
    let line = String::from_utf8(output.stdout).expect("figures are text");
    eprintln!("  {name}: {}", line.trim());
    let mut figures = line.split_whitespace().map_while(|figure| figure.parse().ok());
    let mut next = || figures.next().expect("three figures");
    Cost {
        seconds: next(),
        cpu: next(),
        peak_mib: next(),
    }
}
