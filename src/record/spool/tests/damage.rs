//! Damaged files: what is intact is drained, the rest kept aside and reported.

use super::*;

#[tokio::test]
async fn a_file_cut_at_any_byte_is_opened_and_drained() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..4).map(record).collect()).await.unwrap();
    spool.close().await;
    let name = &scratch.segments()[0];
    let bytes = fs::read(scratch.0.join(name)).unwrap();
    let mut ends: Vec<usize> = vec![0];
    for number in 0..4 {
        ends.push(ends.last().unwrap() + usize::try_from(record(number).frame_bytes()).unwrap());
    }
    for cut in 0..=bytes.len() {
        fs::write(scratch.0.join(name), &bytes[..cut]).unwrap();
        let spool = open(&scratch.0);
        let whole = ends.iter().filter(|end| **end > 0 && **end <= cut).count() as u64;
        assert_eq!(spool.recovered().torn, u64::from(!ends.contains(&cut)));
        assert_eq!(spool.recovered().damages, []);
        assert_eq!(spool.depth().records, whole);
        assert!(drain(&spool).await.into_iter().eq(0..whole));
        spool.close().await;
    }
}

#[tokio::test]
async fn damage_found_at_start_is_kept_reported_and_does_not_stop_the_rest() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..5).map(record).collect()).await.unwrap();
    spool.close().await;
    let name = scratch.segments().remove(0);
    let at = usize::try_from(record(0).frame_bytes()).unwrap() + 4;
    scratch.change(&name, |bytes| bytes[at] ^= 1);
    for _ in 0..2 {
        let spool = open(&scratch.0);
        let damage = &spool.recovered().damages[0];
        assert_eq!(damage.segment, name);
        let kept = fs::read(damage.kept.as_ref().unwrap()).unwrap();
        assert_eq!(kept.len() as u64, record(1).frame_bytes());
        assert_eq!(spool.depth().records, 4);
        spool.close().await;
    }
    let spool = open(&scratch.0);
    assert_eq!(drain(&spool).await, [0, 2, 3, 4]);
    assert_eq!(spool.depth().damages, 1, "counted once");
    assert_eq!(scratch.segments(), [""; 0]);
    assert_eq!(scratch.files(".corrupt").len(), 1);
}

#[tokio::test]
async fn damage_that_comes_between_start_and_drain_is_kept_and_counted_once() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..3).map(record).collect()).await.unwrap();
    scratch.change(&scratch.segments()[0], |bytes| {
        *bytes.last_mut().unwrap() ^= 1;
    });
    for _ in 0..2 {
        spool.oldest(10, usize::MAX).await.unwrap().unwrap();
    }
    assert_eq!(drain(&spool).await, [0, 1]);
    assert_eq!(spool.depth().damages, 1);
    assert_eq!(spool.depth().bytes, 0);
    assert_eq!(scratch.files(".corrupt").len(), 1);
}

#[tokio::test]
async fn a_segment_broken_all_over_is_kept_whole() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..300).map(record).collect()).await.unwrap();
    spool.close().await;
    let name = scratch.segments().remove(0);
    scratch.change(&name, |bytes| {
        let mut at = 0;
        for number in 0..300 {
            if number % 2 == 0 {
                bytes[at + 9] ^= 1;
            }
            at += usize::try_from(record(number).frame_bytes()).unwrap();
        }
    });
    let spool = open(&scratch.0);
    let odd: Vec<u64> = (0..300).filter(|number| number % 2 == 1).collect();
    assert_eq!(drain(&spool).await, odd);
    assert_eq!(spool.depth().damages, 150);
    assert_eq!(
        scratch.files(".segment.corrupt"),
        [format!("{name}.corrupt")]
    );
    assert_eq!(scratch.files(".corrupt").len(), 101);
}

#[tokio::test]
async fn what_cannot_be_opened_is_set_aside_and_the_others_are_drained() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append(vec![record(1)]).await.unwrap();
    spool.close().await;
    let directory = "0000000000000000-00000000000000ff.segment";
    fs::create_dir(scratch.0.join(directory)).unwrap();
    let spool = open(&scratch.0);
    assert_eq!(spool.recovered().set_aside.len(), 1);
    assert_eq!(scratch.files(".corrupt"), [format!("{directory}.corrupt")]);
    assert_eq!(drain(&spool).await, [1]);
}

#[tokio::test]
async fn damage_that_cannot_be_copied_keeps_the_whole_segment() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..3).map(record).collect()).await.unwrap();
    let name = scratch.segments().remove(0);
    scratch.change(&name, |bytes| bytes[0] ^= 1);
    // Where the copy would go.
    let copy = name.replace(".segment", "-0000000000000000.corrupt");
    fs::create_dir(scratch.0.join(copy)).unwrap();
    assert_eq!(drain(&spool).await, [1, 2]);
    assert_eq!(scratch.segments(), [""; 0]);
    assert_eq!(
        scratch.files(".segment.corrupt"),
        [format!("{name}.corrupt")]
    );
    assert_eq!(spool.depth().damages, 1);
}

#[tokio::test]
async fn a_segment_without_a_record_is_gone_after_the_start() {
    let scratch = Scratch::new();
    open(&scratch.0).close().await;
    let name = "0000000000000000-00000000000000ff.segment";
    fs::write(scratch.0.join(name), "").unwrap();
    let spool = open(&scratch.0);
    assert_eq!(scratch.segments(), [""; 0]);
    assert_eq!(spool.depth(), super::super::Depth::default());
}
