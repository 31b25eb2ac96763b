//! The binary: everything is in the library.

use std::process::ExitCode;

/// A delivery is allocated by the worker that reads it and freed by the writer: with the C library's
/// allocator that was a fifth of the time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vod_receiver::cli::main()
}
