//! The program: see the library's first page, and `directory-sync --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    directory_sync::cli::main()
}
