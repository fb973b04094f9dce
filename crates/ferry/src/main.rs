//! The `ferry` command: parses its arguments, runs one command, returns its exit code.

mod commands;

use std::process::ExitCode;

use clap::Parser;

use commands::Cli;

/// The default allocator of musl and glibc keeps memory of large bodies; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> miette::Result<ExitCode> {
    Cli::parse_from(commands::familiar(std::env::args_os())).run()
}
