//! Other processes: signals to them, their children, their memory.

use std::fs;

/// Sends a signal to processes, some of which may be gone by now.
pub async fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    // The shell's own: the program `kill` is not on every machine.
    let kill = format!("kill -{name} {} 2>/dev/null; true", pids.join(" "));
    let sent = tokio::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    sent.await.unwrap();
}

/// A process and the processes that it started.
pub fn family(parent: u32) -> Vec<u32> {
    let mut family = vec![parent];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // 12 (a name) S 11 ...
        let parent_of_it: Option<u32> = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        if let (Some(pid), Some(parent_of_it)) = (pid, parent_of_it)
            && parent == parent_of_it
        {
            family.push(pid);
        }
    }
    family
}

/// Resident memory of a process in MiB; `None` if it is gone.
pub fn resident_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = kib.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

/// The machine on which figures were measured, in a line.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |model| model.trim_start_matches([' ', '\t', ':']));
    let memory = read("/proc/meminfo");
    let memory_kib: f64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores ({model}), {:.0} GiB, Linux {}, load average {}",
        memory_kib / 1024.0 / 1024.0,
        read("/proc/sys/kernel/osrelease").trim(),
        load_average()
    )
}

/// How many processes wanted to run: over 1, 5 and 15 minutes.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
