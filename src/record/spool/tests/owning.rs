//! Whose directory it is, and where it may lie.

use super::super::disk::{Name, filesystem_of};
use super::super::frame::Mark;
use super::super::{AppendFault, OpenFault};
use super::*;

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_has_closed() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    let refused = Spool::open(&scratch.0, Limits::default(), true, 1);
    assert!(matches!(refused, Err(OpenFault::Owned(_))));
    assert!(matches!(
        Spool::open_orphan(&scratch.0),
        Err(OpenFault::Owned(_))
    ));
    spool.close().await;
    open(&scratch.0);
}

#[test]
fn closing_lets_go_also_while_a_process_being_started_holds_a_copy() {
    let scratch = Scratch::new();
    super::super::disk::create_dir(&scratch.0).unwrap();
    let owner = super::super::disk::lock(&scratch.0).unwrap();
    let _copy = owner.0.try_clone().unwrap();
    drop(owner);
    super::super::disk::lock(&scratch.0).unwrap();
}

#[tokio::test]
async fn an_orphan_can_be_drained_but_not_added_to() {
    let scratch = Scratch::new();
    assert!(matches!(
        Spool::open_orphan(&scratch.0),
        Err(OpenFault::Io(_))
    ));
    let spool = open(&scratch.0);
    spool.append(vec![record(1)]).await.unwrap();
    spool.close().await;
    let orphan = Spool::open_orphan(&scratch.0).unwrap();
    assert!(matches!(
        orphan.append(vec![record(2)]).await,
        Err(AppendFault::Full)
    ));
    assert_eq!(drain(&orphan).await, [1]);
    orphan.close().await;
}

#[test]
fn a_volatile_directory_is_refused_unless_allowed() {
    let shared_memory = Path::new("/dev/shm");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if filesystem_of(shared_memory, &mounts) != Some("tmpfs") {
        return;
    }
    let scratch = Scratch(shared_memory.join(format!("vod-spool-{}", std::process::id())));
    let refused = Spool::open(&scratch.0, Limits::default(), false, 1);
    let Err(OpenFault::Volatile { filesystem, .. }) = refused else {
        panic!("it was opened");
    };
    assert_eq!(filesystem, "tmpfs");
    open(&scratch.0);
}

#[test]
fn the_filesystem_is_that_of_the_nearest_mount_and_of_several_there_the_last() {
    let mounts = "\
22 1 0:30 / / rw shared:1 - overlay overlay rw,lowerdir=/a
23 22 254:1 / /var/lib/vod rw - ext4 /dev/vdb rw
24 22 0:25 / /dev/shm rw - ext4 /dev/vdc rw
25 22 0:26 / /dev/shm rw master:3 propagate_from:2 - tmpfs shm rw
26 22 254:2 / /mnt/a\\040b rw - xfs /dev/vdd rw
";
    let on = |path: &str| filesystem_of(Path::new(path), mounts);
    assert_eq!(on("/var/lib/vod/spool"), Some("ext4"));
    assert_eq!(on("/var/lib/vodka"), Some("overlay"));
    assert_eq!(on("/dev/shm/x"), Some("tmpfs"));
    assert_eq!(on("/mnt/a b/c"), Some("xfs"));
    assert_eq!(filesystem_of(Path::new("/x"), ""), None);
}

#[test]
fn only_names_that_the_spool_gives_are_segments() {
    let name = Name {
        sequence: 7,
        mark: Mark(0xabc),
    };
    assert_eq!(Name::parse(&name.file()), Some(name));
    for foreign in [
        "7-abc.segment",
        "0000000000000007-0000000000000ABC.segment",
        "+000000000000007-0000000000000abc.segment",
        "0000000000000007-0000000000000abc.segment.corrupt",
        "owner.lock",
    ] {
        assert_eq!(Name::parse(foreign), None, "{foreign}");
    }
}

#[tokio::test]
async fn others_may_pass_the_directory_that_it_lies_in_and_not_enter_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let scratch = Scratch::new();
    let dir = scratch.0.join("data/spool");
    let spool = open(&dir);
    let mode = |dir: &Path| fs::metadata(dir).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    // Below it lies the Postgres of try-out mode too, which runs as another user.
    assert_eq!(mode(dir.parent().unwrap()), 0o711);
    spool.close().await;
}
