//! What changed, and was announced on any replica: each is announced here once, however it is heard of.
//!
//! The word between replicas may be lost. So whoever announces something writes it down as well, and a replica with
//! streams looks there with each of their keep-alives, at most once a second. A job does both.
//!
//! ```text
//! made here ------> announced, to be written down --> a job --kept--> what it found and nobody has heard of is announced
//! heard of  ------> announced                          ^  \--not kept--> to be written down by the next one
//! a keep-alive ----------------------------------------/
//! ```

use std::collections::VecDeque;

use super::{Announcement, HubOutput, Job, JobKind};
use crate::{catalog::ChangeNotification, id::UserId, limits, time::Instant};

/// A message about announcements.
#[derive(Debug)]
pub(crate) enum ChangesMessage {
    /// Something changed here.
    Made(Announcement),
    /// Another replica has announced it.
    Heard(Announcement),
    /// A stream lasts: it is time to look for what was not heard of.
    Look,
    /// The job is over: what there is in the store, and what it could not write.
    Kept {
        found: Vec<Announcement>,
        unwritten: Vec<Announcement>,
    },
}

/// How many numbers are remembered for each announcement that is kept: a change that is made again has another one.
const NUMBERS: usize = 4 * limits::ANNOUNCEMENTS;

/// What is known of announcements.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The numbers of those that were announced here, the oldest first.
    announced: VecDeque<u64>,
    unwritten: Vec<Announcement>,
    /// Since when a job looks.
    looking: Option<Instant>,
    /// When the last one began.
    looked: Option<Instant>,
}

impl Changes {
    /// Takes a message: what is to be announced here.
    pub(super) fn handle(
        &mut self,
        message: ChangesMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) -> Vec<(ChangeNotification, Option<UserId>)> {
        let heard = match message {
            ChangesMessage::Made(made) => {
                keep(&mut self.unwritten, made.clone());
                self.work(now, out);
                vec![made]
            }
            ChangesMessage::Heard(heard) => vec![heard],
            ChangesMessage::Look => {
                let interval = limits::ANNOUNCEMENTS_LOOK_INTERVAL;
                if self
                    .looked
                    .is_none_or(|looked| now.since(looked) >= interval)
                {
                    self.work(now, out);
                }
                Vec::new()
            }
            ChangesMessage::Kept { found, unwritten } => {
                self.looking = None;
                let newer = std::mem::replace(&mut self.unwritten, unwritten);
                let has_newer = !newer.is_empty();
                for made in newer {
                    keep(&mut self.unwritten, made);
                }
                if has_newer {
                    self.work(now, out);
                }
                found
            }
        };
        let news = heard.into_iter().filter(|one| self.is_new(one.number));
        news.map(|one| (one.change, one.of)).collect()
    }

    /// Begins a job, unless one is at work. One that was lost is not waited for.
    fn work(&mut self, now: Instant, out: &mut VecDeque<HubOutput>) {
        let longest = 2 * limits::REPLICA_MESSAGE_LEEWAY;
        if self.looking.is_some_and(|since| now.since(since) < longest) {
            return;
        }
        self.looking = Some(now);
        self.looked = Some(now);
        let made = std::mem::take(&mut self.unwritten);
        out.push_back(HubOutput::Spawn(Job(JobKind::KeepAnnouncements(made))));
    }

    fn is_new(&mut self, number: u64) -> bool {
        if self.announced.contains(&number) {
            return false;
        }
        if self.announced.len() >= NUMBERS {
            self.announced.pop_front();
        }
        self.announced.push_back(number);
        true
    }
}

/// Adds an announcement: of several of one thing the last is kept, of too many the latest are.
fn keep(kept: &mut Vec<Announcement>, made: Announcement) {
    kept.retain(|one| !one.is_repeated_by(&made));
    if kept.len() >= limits::ANNOUNCEMENTS {
        kept.remove(0);
    }
    kept.push(made);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: ChangeNotification = ChangeNotification::Tools;

    fn announcement(number: u64, change: ChangeNotification) -> Announcement {
        Announcement {
            number,
            change,
            of: None,
        }
    }

    fn resource(number: usize) -> ChangeNotification {
        ChangeNotification::Resource(format!("docs://{number}"))
    }

    /// What is announced, and the jobs that begin.
    fn handle(
        changes: &mut Changes,
        message: ChangesMessage,
        now: Instant,
    ) -> (Vec<ChangeNotification>, Vec<Vec<Announcement>>) {
        let mut out = VecDeque::new();
        let announced = changes.handle(message, now, &mut out);
        let job = |output| match output {
            HubOutput::Spawn(Job(JobKind::KeepAnnouncements(made))) => made,
            other => panic!("{other:?}"),
        };
        let announced = announced.into_iter().map(|(change, _)| change).collect();
        (announced, out.into_iter().map(job).collect())
    }

    fn kept(found: Vec<Announcement>, unwritten: Vec<Announcement>) -> ChangesMessage {
        ChangesMessage::Kept { found, unwritten }
    }

    #[test]
    fn change_is_announced_once_however_often_it_is_heard_of() {
        let mut changes = Changes::default();
        let now = Instant(0);
        let made = announcement(1, TOOLS);
        let (announced, jobs) = handle(&mut changes, ChangesMessage::Made(made.clone()), now);
        assert_eq!((announced, jobs), (vec![TOOLS], vec![vec![made.clone()]]));
        let again = announcement(2, TOOLS);
        let heard = |one: &Announcement| ChangesMessage::Heard(one.clone());
        assert_eq!(handle(&mut changes, heard(&made), now), (vec![], vec![]));
        assert_eq!(
            handle(&mut changes, heard(&again), now),
            (vec![TOOLS], vec![])
        );
        let missed = announcement(3, resource(1));
        let found = kept(vec![made, again, missed], vec![]);
        assert_eq!(
            handle(&mut changes, found, now),
            (vec![resource(1)], vec![])
        );
    }

    #[test]
    fn one_job_works_at_a_time_and_what_it_could_not_write_is_for_the_next_one() {
        let mut changes = Changes::default();
        let now = Instant(0);
        let [first, second] = [1, 2].map(|number| announcement(number, TOOLS));
        let other = announcement(3, resource(1));
        let (_, jobs) = handle(&mut changes, ChangesMessage::Made(first.clone()), now);
        assert_eq!(jobs.len(), 1);
        for made in [&second, &other] {
            let (_, jobs) = handle(&mut changes, ChangesMessage::Made(made.clone()), now);
            assert_eq!(jobs.len(), 0);
        }
        let (_, jobs) = handle(&mut changes, kept(vec![], vec![first]), now);
        assert_eq!(jobs, [vec![second.clone(), other]]);
        let (_, jobs) = handle(&mut changes, kept(vec![], vec![second.clone()]), now);
        assert_eq!(jobs.len(), 0, "the next keep-alive is soon enough");
        let later = now.after(limits::ANNOUNCEMENTS_LOOK_INTERVAL);
        let (_, jobs) = handle(&mut changes, ChangesMessage::Look, later);
        assert_eq!(jobs, [vec![second]]);
    }

    #[test]
    fn many_streams_look_once_and_a_job_that_was_lost_is_not_waited_for() {
        let mut changes = Changes::default();
        let mut look = |milliseconds| {
            let (_, jobs) = handle(&mut changes, ChangesMessage::Look, Instant(milliseconds));
            jobs.len()
        };
        assert_eq!([look(0), look(0), look(5_000)], [1, 0, 0]);
        assert_eq!(look(120_000), 1);
        handle(&mut changes, kept(vec![], vec![]), Instant(120_010));
        let mut look = |milliseconds| {
            let (_, jobs) = handle(&mut changes, ChangesMessage::Look, Instant(milliseconds));
            jobs.len()
        };
        assert_eq!([look(120_500), look(121_000)], [0, 1]);
    }

    // M8
    #[test]
    fn announcements_are_bounded() {
        let mut changes = Changes::default();
        for number in 0..5 * limits::ANNOUNCEMENTS {
            let made = announcement(number as u64, resource(number));
            handle(&mut changes, ChangesMessage::Made(made), Instant(0));
        }
        assert_eq!(changes.unwritten.len(), limits::ANNOUNCEMENTS);
        assert_eq!(changes.announced.len(), NUMBERS);
    }
}
