//! CPU time, of Postgres and of the service: steadier than what a clock says on a shared machine.

use std::fs;
use std::path::Path;

/// The kernel counts in these: `sysconf(_SC_CLK_TCK)` is 100 on Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// Seconds of CPU used up to a moment, or what was used for something.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub postgres: f64,
    pub service: f64,
}

impl Used {
    /// Up to now, by the server of a data directory with all its processes, and by the process with this id.
    pub fn now(data_dir: &Path, service: u32) -> Self {
        let file = fs::read_to_string(data_dir.join("postmaster.pid")).unwrap();
        let postmaster = file.lines().next().unwrap().to_owned();
        let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid = entry.ok()?.file_name().into_string().ok()?;
            let stat = Stat::of(&pid)?;
            (stat.parent == postmaster).then_some(stat.own)
        });
        let postmaster = Stat::of(&postmaster).unwrap();
        Self {
            postgres: children.sum::<f64>() + postmaster.own + postmaster.ended_children,
            service: Stat::of(&service.to_string()).unwrap().own,
        }
    }

    /// Of seconds that were used for so many, microseconds for each.
    pub fn each(self, count: u64) -> Self {
        let of = |seconds: f64| seconds * 1e6 / count as f64;
        Self {
            postgres: of(self.postgres),
            service: of(self.service),
        }
    }

    /// By both.
    pub fn sum(self) -> f64 {
        self.postgres + self.service
    }

    /// What was used since an earlier moment.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            postgres: self.postgres - earlier.postgres,
            service: self.service - earlier.service,
        }
    }
}

/// What `/proc/PID/stat` tells (proc(5)).
struct Stat {
    parent: String,
    own: f64,
    ended_children: f64,
}

impl Stat {
    fn of(pid: &str) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let seconds = |first: usize| -> Option<f64> {
            let ticks: [f64; 2] = [fields[first].parse().ok()?, fields[first + 1].parse().ok()?];
            Some((ticks[0] + ticks[1]) / TICKS_A_SECOND)
        };
        Some(Self {
            parent: fields[1].to_owned(),
            own: seconds(11)?,
            ended_children: seconds(13)?,
        })
    }
}
