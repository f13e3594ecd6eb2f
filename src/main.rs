//! The program: reads the command line and ends with the exit status of the contract.

use std::process::ExitCode;

fn main() -> ExitCode {
    bode::command::main()
}
