//! Parses the command line, runs the step, exits with its code.

fn main() {}
