//! Runs seeds for ever and stops at the first that fails; or replays one, line by line.
//!
//! ```text
//! cargo run --release -p entra-mcp-fuzz --example simulate               seeds from 0 on, for ever
//! cargo run --release -p entra-mcp-fuzz --example simulate -- 1000 500   500 seeds from 1000 on
//! cargo run --release -p entra-mcp-fuzz --example simulate -- replay 17  the trace of seed 17
//! ```
#![expect(clippy::print_stdout, reason = "this is a command for users")]

use std::process::ExitCode;

use entra_mcp_fuzz::{
    choice::Choice,
    simulate::{self, FailedRun, Summary},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().ok();
    match words.as_slice() {
        [] => seeds(0, u64::MAX),
        ["replay", seed] => number(seed).map_or_else(usage, replay),
        [first] => number(first).map_or_else(usage, |first| seeds(first, u64::MAX)),
        [first, count] => match (number(first), number(count)) {
            (Some(first), Some(count)) => seeds(first, count),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    println!("usage: simulate [FIRST-SEED [COUNT]] | simulate replay SEED");
    ExitCode::from(2)
}

fn once(seed: u64) -> Result<Summary, Box<FailedRun>> {
    simulate::run(Choice::seeded(seed), |_| {})
}

fn seeds(first: u64, count: u64) -> ExitCode {
    let mut total = Summary::default();
    for seed in first..first.saturating_add(count) {
        match once(seed) {
            Ok(summary) => {
                total.add(&summary);
                if (seed - first + 1).is_power_of_two() || (seed + 1) % 1000 == 0 {
                    println!("{}", total.line(seed - first + 1));
                }
            }
            Err(failed) => {
                println!("seed {seed} failed: {}", failed.failure);
                println!("see how: simulate replay {seed}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{}", total.line(count));
    ExitCode::SUCCESS
}

fn replay(seed: u64) -> ExitCode {
    println!("{LEGEND}");
    match once(seed) {
        Ok(summary) => {
            summary.trace.iter().for_each(|line| println!("{line}"));
            println!(
                "seed {seed} holds; the hash of its trace is {}",
                summary.hash
            );
            ExitCode::SUCCESS
        }
        Err(failed) => {
            failed.trace.iter().for_each(|line| println!("{line}"));
            println!("seed {seed} failed: {}", failed.failure);
            ExitCode::FAILURE
        }
    }
}

const LEGEND: &str = "\
One line an event: milliseconds since the beginning, who, what.
who:  rN is a replica, rN.P#E exchange E of process P of it; other names are users's programs
what: -> a request is sent   <- an answer arrives   = something happens inside
";
