//! Runs seeds for ever and stops at the first that fails; or replays one, line by line.
//!
//! ```text
//! cargo run --release -p entra-mcp-fuzz --example simulate               seeds from 0 on, for ever
//! cargo run --release -p entra-mcp-fuzz --example simulate -- 1000 500   500 seeds from 1000 on
//! cargo run --release -p entra-mcp-fuzz --example simulate -- replay 17  the trace of seed 17
//! cargo run --release -p entra-mcp-fuzz --example simulate -- bytes 17 F    seed 17 as an input of the target `world`
//! cargo run --release -p entra-mcp-fuzz --example simulate -- survey 0 500  all that fail of 500 seeds
//! cargo run --release -p entra-mcp-fuzz --example simulate -- with wall-clock-steps survey 0 500  in an unkinder world
//! cargo run --release -p entra-mcp-fuzz --example simulate -- before http survey 0 100  with a server behind this one
//! cargo run --release -p entra-mcp-fuzz --example simulate -- before http beside process survey 0 100  with two
//! ```
#![expect(clippy::print_stdout, reason = "this is a command for users")]

use std::process::ExitCode;

use entra_mcp_fuzz::{
    backend::BackendKind,
    choice::Choice,
    simulate::{self, FailedRun, Summary},
    unkindness::Unkindness,
};

/// What is other than the seed says.
#[derive(Default)]
struct Added {
    unkindness: Vec<Unkindness>,
    backend: Option<BackendKind>,
    second: Option<BackendKind>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut args = args.as_slice();
    let mut added = Added::default();
    loop {
        match args {
            ["with", name, rest @ ..] => {
                let known = Unkindness::ALL.iter().find(|(known, _)| known == name);
                let Some((_, unkindness)) = known else {
                    return usage();
                };
                added.unkindness.push(*unkindness);
                args = rest;
            }
            ["before", name, rest @ ..] => {
                let known = BackendKind::ALL.iter().find(|(known, _)| known == name);
                let Some((_, kind)) = known else {
                    return usage();
                };
                added.backend = Some(*kind);
                args = rest;
            }
            ["beside", name, rest @ ..] => {
                let known = BackendKind::ALL.iter().find(|(known, _)| known == name);
                let Some((_, kind)) = known else {
                    return usage();
                };
                added.second = Some(*kind);
                args = rest;
            }
            _ => break,
        }
    }
    let number = |word: &str| word.parse::<u64>().ok();
    match args {
        [] => seeds(0, u64::MAX, &added),
        ["replay", seed] => number(seed).map_or_else(usage, |seed| replay(seed, &added)),
        ["bytes", seed, file] => number(seed).map_or_else(usage, |seed| bytes(seed, file)),
        ["survey", first, count] => match (number(first), number(count)) {
            (Some(first), Some(count)) => survey(first, count, &added),
            _ => usage(),
        },
        [first] => number(first).map_or_else(usage, |first| seeds(first, u64::MAX, &added)),
        [first, count] => match (number(first), number(count)) {
            (Some(first), Some(count)) => seeds(first, count, &added),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    println!(
        "usage: simulate [with UNKINDNESS]... [before BACKEND] [beside BACKEND] [FIRST-SEED [COUNT] | replay SEED | bytes SEED FILE | survey FIRST-SEED COUNT]"
    );
    for (name, unkindness) in Unkindness::ALL {
        let always = if Unkindness::ON.contains(&unkindness) {
            "in every run"
        } else {
            "not in every run yet"
        };
        println!("  {name}: {always}");
    }
    for (name, _) in BackendKind::ALL {
        println!("  before {name}, beside {name}: a gateway, of several backends, in some runs");
    }
    ExitCode::from(2)
}

fn once(seed: u64, added: &Added) -> Result<Summary, Box<FailedRun>> {
    simulate::run(Choice::seeded(seed), |options| {
        options.unkindness.extend(&added.unkindness);
        options.backend = added.backend.or(options.backend);
        options.second = added.second.or(options.second);
    })
}

fn seeds(first: u64, count: u64, added: &Added) -> ExitCode {
    let mut total = Summary::default();
    for seed in first..first.saturating_add(count) {
        match once(seed, added) {
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

/// Runs all seeds and says which fail.
fn survey(first: u64, count: u64, added: &Added) -> ExitCode {
    let mut failed = 0;
    for seed in first..first.saturating_add(count) {
        if let Err(run) = once(seed, added) {
            failed += 1;
            println!("seed {seed} failed: {}", run.failure);
        }
    }
    println!("{failed} of {count} seeds failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Writes what a seed drew, as an input of the target `world`.
fn bytes(seed: u64, file: &str) -> ExitCode {
    let drawn = match once(seed, &Added::default()) {
        Ok(summary) => summary.drawn,
        Err(failed) => failed.drawn.clone(),
    };
    match std::fs::write(file, drawn) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64, added: &Added) -> ExitCode {
    println!("{LEGEND}");
    match once(seed, added) {
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
