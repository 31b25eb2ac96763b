//! What the system knows of this process.

/// The memory that it has in use, in bytes; not a number where there is no `/proc`.
pub fn resident_bytes() -> f64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| resident_kib(&status))
        .map_or(f64::NAN, |kib| kib as f64 * 1024.0)
}

fn resident_kib(status: &str) -> Option<u64> {
    let rest = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    rest.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::resident_kib;

    #[test]
    fn the_line_of_the_resident_memory_is_read() {
        let status = "Name:\tvod-receiver\nVmHWM:\t   22000 kB\nVmRSS:\t   21344 kB\nThreads:\t4\n";
        assert_eq!(resident_kib(status), Some(21344));
        assert_eq!(resident_kib("Name:\tvod-receiver\n"), None);
    }
}
