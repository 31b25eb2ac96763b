//! What is told of a panic, which is a bug: where it was, and nothing of what it held.

use std::any::Any;

/// From now on a panic is a line of the log, and writes nothing else anywhere.
pub fn tell_in_log() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = words(panic.payload());
        tracing::error!(place, said, "a panic: this is a bug, please report it");
    }));
}

/// What a panic said, if it stands so in the code: what was put together as it ran may hold a secret or a person's name.
fn words(payload: &dyn Any) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(not told, since it may hold what nobody is to read)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(panics: impl FnOnce() + std::panic::UnwindSafe) -> &'static str {
        let payload = std::panic::catch_unwind(panics);
        payload.map_or_else(|payload| words(&*payload), |()| "it did not panic")
    }

    #[test]
    fn a_panic_tells_what_stands_in_the_code_and_never_what_it_held() {
        let secret = std::hint::black_box("sesame");
        assert_eq!(said(|| panic!("a plain one")), "a plain one");
        let fault: Result<(), &str> = std::hint::black_box(Err(secret));
        for told in [
            said(|| panic!("it held {secret}")),
            said(move || fault.unwrap()),
            said(|| assert_eq!(secret, "another")),
        ] {
            assert!(told.starts_with("(not told"), "{told}");
        }
    }
}
