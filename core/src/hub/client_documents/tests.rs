//! Tests of the table of documents.

use super::*;
use crate::{
    config::ClientAddress,
    hub::{FromHub, FromHubKind, Hub, HubAnswer, ToHub, ToHubKind},
    id::DeviceId,
    ticket::{AskId, Ticket},
    time::{Now, UnixTime},
};

/// The hub alone, and a clock.
struct Table {
    hub: Hub,
    now: Now,
}

impl Table {
    fn new() -> Self {
        let now = Now {
            instant: Instant(5000),
            unix: UnixTime(1_800_000_000),
        };
        Self {
            hub: Hub::new(),
            now,
        }
    }

    fn later(&mut self, duration: Duration) {
        self.now.instant = self.now.instant.after(duration);
    }

    fn send(&mut self, from: u64, message: ToHubKind) -> Vec<String> {
        self.hub.handle(ExchangeId(from), ToHub(message), self.now);
        let mut seen = Vec::new();
        loop {
            seen.push(match self.hub.poll() {
                HubOutput::Spawn(Job(JobKind::FetchClientDocument(url))) => {
                    format!("fetch {}", url.host())
                }
                HubOutput::Deliver(
                    to,
                    FromHub(FromHubKind::Answer(HubAnswer::NeedClientDocument(answered))),
                ) => {
                    let answer = answered.answer.map(|document| document.client_name.clone());
                    format!("{} {answer:?}", to.0)
                }
                HubOutput::Idle => return seen,
                other => panic!("{other:?}"),
            });
        }
    }

    fn want(&mut self, from: u64, host: &str) -> Vec<String> {
        self.want_in(from, host, Browser::default())
    }

    fn want_in(&mut self, from: u64, host: &str, browser: Browser) -> Vec<String> {
        let (ticket, url) = (Ticket::new(AskId(0)), url(host));
        let need = ToHubKind::NeedClientDocument {
            ticket,
            url,
            browser,
        };
        self.send(from, need)
    }

    fn fetch_document(&mut self, host: &str, lifetime: Duration) -> Vec<String> {
        let document = ClientDocument {
            client_name: "App".to_owned(),
            redirect_uris: Vec::new(),
            keys: None,
            must_sign: false,
        };
        let result = Ok((document, lifetime));
        self.send(0, ToHubKind::ClientDocumentFetched(url(host), result))
    }

    fn fail(&mut self, host: &str) -> Vec<String> {
        let result = Err(DocumentError::Unreachable);
        self.send(0, ToHubKind::ClientDocumentFetched(url(host), result))
    }
}

fn url(host: &str) -> ClientIdUrl {
    ClientIdUrl::parse(&format!("https://{host}/client.json")).unwrap()
}

fn device(number: u8) -> Browser {
    Browser {
        device: Some(DeviceId([number; 16])),
        address: None,
    }
}

fn address(last: u8) -> Browser {
    let address = std::net::IpAddr::from([192, 0, 2, last]);
    Browser {
        device: None,
        address: Some(ClientAddress::from(address)),
    }
}

const HOUR: Duration = Duration::from_secs(3600);

// M15
#[test]
fn concurrent_waiters_share_one_fetch_of_a_document() {
    let mut table = Table::new();
    assert_eq!(table.want(1, "a.example"), ["fetch a.example"]);
    for waiter in 2..5 {
        assert!(table.want(waiter, "a.example").is_empty());
    }
    assert_eq!(table.hub.stats().waiting, 4);
    table.hub.forget(ExchangeId(3));
    let told = ["1 Ok(\"App\")", "2 Ok(\"App\")", "4 Ok(\"App\")"];
    assert_eq!(table.fetch_document("a.example", HOUR), told);
    assert_eq!(table.hub.stats().waiting, 0);
}

#[test]
fn document_is_kept_as_long_as_its_host_says() {
    let mut table = Table::new();
    table.want(1, "a.example");
    table.fetch_document("a.example", HOUR);
    table.later(HOUR - Duration::from_secs(1));
    assert_eq!(table.want(2, "a.example"), ["2 Ok(\"App\")"]);
    table.later(Duration::from_secs(1));
    assert_eq!(table.want(2, "a.example"), ["fetch a.example"]);
}

// M15: a host that is down is not asked by everybody who comes.
#[test]
fn failed_fetch_is_remembered_for_a_moment() {
    let mut table = Table::new();
    table.want(1, "a.example");
    assert_eq!(table.fail("a.example"), ["1 Err(Unreachable)"]);
    assert_eq!(table.want(2, "a.example"), ["2 Err(Unreachable)"]);
    table.later(limits::CLIENT_DOCUMENT_RETRY);
    assert_eq!(table.want(2, "a.example"), ["fetch a.example"]);
}

#[test]
fn lost_fetch_of_a_document_is_begun_again() {
    let mut table = Table::new();
    table.want(1, "a.example");
    table.later(limits::EXCHANGE_TIMEOUT);
    assert_eq!(table.want(2, "a.example"), ["fetch a.example"]);
    let told = ["1 Ok(\"App\")", "2 Ok(\"App\")"];
    assert_eq!(table.fetch_document("a.example", HOUR), told);
    assert!(
        table.fetch_document("a.example", HOUR).is_empty(),
        "it is told once"
    );
}

// M15, H7: what a flood of URLs costs others, and whom it holds up.
#[test]
fn flood_of_urls_causes_few_fetches() {
    let mut table = Table::new();
    let mut fetched = 0;
    let seconds = 100;
    for second in 0..seconds {
        for number in 0..50 {
            let host = format!("h{second}-{number}.example");
            match table.want(1000 + second * 50 + number, &host).as_slice() {
                [said] if said.starts_with("fetch") => {
                    fetched += 1;
                    table.fail(&host);
                }
                [said] => assert!(said.ends_with("Err(Busy)"), "{said}"),
                other => panic!("{other:?}"),
            }
        }
        table.later(Duration::from_secs(1));
    }
    let burst = u64::from(limits::CLIENT_DOCUMENTS_OF_STRANGERS);
    let recovery = limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY.as_secs();
    assert!(fetched <= burst + seconds / recovery, "{fetched}");
    assert!(fetched >= burst, "{fetched}");
    // A browser in which a user has signed in is not held up, and may not do more by itself.
    for number in 0..limits::CLIENT_DOCUMENTS_OF_DEVICE {
        let host = format!("d{number}.example");
        let wanted = table.want_in(u64::from(number), &host, device(1));
        assert_eq!(wanted, [format!("fetch {host}")]);
    }
    assert_eq!(
        table.want_in(90, "more.example", device(1)),
        ["90 Err(Busy)"]
    );
    assert_eq!(
        table.want_in(91, "more.example", device(2)),
        ["fetch more.example"]
    );
}

// M15: hosts that do not answer.
#[test]
fn silent_hosts_hold_up_nobody_who_has_signed_in() {
    let mut table = Table::new();
    let mut fetching = 0;
    for number in 0..1000 {
        let wanted = table.want(number, &format!("s{number}.example"));
        fetching += usize::from(wanted[0].starts_with("fetch"));
        table.later(limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY / 10);
    }
    assert!(
        fetching <= limits::CLIENT_DOCUMENT_FETCHES * 4,
        "{fetching}"
    );
    assert_eq!(
        table.want_in(5000, "a.example", device(1)),
        ["fetch a.example"]
    );
    assert!(table.hub.stats().client_documents_fetching <= limits::CLIENT_DOCUMENT_FETCHES + 1);
}

// M15: the table is bounded, and what fails goes before what is good.
#[test]
fn table_of_documents_is_bounded() {
    let mut table = Table::new();
    table.want_in(1, "good.example", device(0));
    table.fetch_document("good.example", HOUR * 24);
    for number in 0..limits::CLIENT_DOCUMENTS + 50 {
        let host = format!("h{number}.example");
        table.want(10, &host);
        if number % 2 == 0 {
            table.fetch_document(&host, HOUR * 20);
        } else {
            table.fail(&host);
        }
        table.later(limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY);
        assert!(table.hub.stats().client_documents <= limits::CLIENT_DOCUMENTS);
    }
    assert_eq!(table.want(2, "good.example"), ["2 Ok(\"App\")"]);
}

// M15: where nothing is over, what ends next makes room.
#[test]
fn table_full_of_good_documents_has_room_for_one_more() {
    let mut table = Table::new();
    for number in 0..limits::CLIENT_DOCUMENTS {
        let host = format!("h{number}.example");
        table.want(10, &host);
        let lifetime = HOUR * if number == 7 { 2 } else { 20 };
        table.fetch_document(&host, lifetime);
        table.later(limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY);
    }
    assert_eq!(table.hub.stats().client_documents, limits::CLIENT_DOCUMENTS);
    assert_eq!(table.want(11, "more.example"), ["fetch more.example"]);
    assert_eq!(table.hub.stats().client_documents, limits::CLIENT_DOCUMENTS);
    table.later(limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY);
    assert_eq!(table.want(12, "h6.example"), ["12 Ok(\"App\")"]);
    assert_eq!(table.want(12, "h7.example"), ["fetch h7.example"]);
}

// M15
#[test]
fn flood_of_urls_from_one_address_leaves_others_their_documents() {
    let mut table = Table::new();
    let mut fetched = 0;
    for number in 0..100 {
        let wanted = table.want_in(number, &format!("h{number}.example"), address(1));
        fetched += u32::from(wanted[0].starts_with("fetch"));
    }
    assert_eq!(fetched, limits::CLIENT_DOCUMENTS_OF_ADDRESS);
    let wanted = table.want_in(200, "a.example", address(2));
    assert_eq!(wanted, ["fetch a.example"]);
    table.later(limits::CLIENT_DOCUMENT_OF_ADDRESS_RECOVERY);
    let wanted = table.want_in(201, "b.example", address(1));
    assert_eq!(wanted, ["fetch b.example"]);
}

// M15
#[test]
fn waiters_for_documents_over_the_limit_are_refused() {
    let mut table = Table::new();
    let limit = u64::try_from(limits::CLIENT_DOCUMENT_WAITERS).unwrap();
    for waiter in 0..limit {
        table.want(waiter, "a.example");
    }
    assert_eq!(
        table.want(limit, "a.example"),
        [format!("{limit} Err(Busy)")]
    );
    // Those who wait for a host that does not answer leave the others their places.
    let known = table.want_in(limit, "a.example", device(1));
    assert!(known.is_empty(), "it waits, too: {known:?}");
    let wanted = table.want_in(limit + 1, "b.example", device(1));
    assert_eq!(wanted, ["fetch b.example"]);
}
