//! Measurements of this process.

/// The most memory that this process had at once, in MiB (`VmHWM` of `/proc/self/status`); 0 where there is no such file.
pub fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0).div_ceil(1024)
}
