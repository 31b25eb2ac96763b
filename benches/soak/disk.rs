//! A small disk of its own for what shall run out of room: ext4 in an image file, mounted where only root can.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted filesystem; dropping it is unmounting it.
pub struct Disk {
    at: PathBuf,
    image: PathBuf,
}

impl Disk {
    /// Mounts a disk of some size at a directory that is made; `None` where that cannot be done.
    pub fn mount(at: &Path, megabytes: u64) -> Option<Self> {
        let image = at.with_added_extension("image");
        fs::create_dir_all(at).unwrap();
        // Sparse: it takes the room that is used.
        File::create(&image)
            .unwrap()
            .set_len(megabytes << 20)
            .unwrap();
        let disk = Self {
            at: at.to_owned(),
            image,
        };
        let no_reserve = ["-q", "-m", "0"];
        let made = run(Command::new("mkfs.ext4").args(no_reserve).arg(&disk.image));
        let mounted = made
            && run(Command::new("mount")
                .args(["-o", "loop"])
                .args([&disk.image, at]));
        mounted.then_some(disk)
    }

    /// Takes all room there is left.
    pub fn fill(&self) {
        let filler = self.filler();
        let mut file = File::create(&filler).unwrap();
        // Without writing it, as far as that goes, in ever smaller pieces.
        let mut piece: u64 = 4 << 30;
        while piece >= 64 << 10 {
            let length = file.metadata().unwrap().len().to_string();
            let took = run(Command::new("fallocate")
                .args(["--offset", &length, "--length", &piece.to_string()])
                .arg(&filler));
            if !took {
                piece /= 2;
            }
        }
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }

    /// Gives the room back.
    pub fn free(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still holds a file on it keeps nobody else.
        run(Command::new("umount").arg("--lazy").arg(&self.at));
        let _ = fs::remove_file(&self.image);
    }
}

fn run(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
