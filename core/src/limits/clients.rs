//! The bounds of clients: what they register, and the documents of those whose `client_id` is a URL (threats H7,
//! M15).

use std::time::Duration;

/// The longest `client_id`: a registration is carried inside it.
pub const CLIENT_ID_BYTES: usize = 4096;

/// The longest redirect URI.
pub const REDIRECT_URI_BYTES: usize = 512;

/// The most redirect URIs of one client.
pub const REDIRECT_URIS: usize = 8;

/// The longest `client_name`, in characters; longer ones are cut.
pub const CLIENT_NAME_CHARS: usize = 64;

/// The longest `client_id` that is a URL: it is part of session tokens, and its host of the cookie of a sign-in.
pub const CLIENT_ID_URL_BYTES: usize = 256;

/// The most clients that an operator registers: each is looked up by its id.
pub const PREREGISTERED_CLIENTS: usize = 1024;

/// The longest id of such a client.
pub const PREREGISTERED_ID_BYTES: usize = 128;

/// The most secrets of such a client: the one in use and the one that replaces it.
pub const PREREGISTERED_SECRETS: usize = 2;

/// The shortest secret of such a client, in characters: 128 bits of hexadecimal digits.
pub const PREREGISTERED_SECRET_CHARS: usize = 32;

/// The most redirect URIs of such a client: platforms make one for each tool.
pub const PREREGISTERED_REDIRECT_URIS: usize = 64;

/// The longest text that says whom users are to ask, in characters.
pub const CONTACT_CHARS: usize = 200;

/// The longest file of such clients.
pub const CLIENTS_FILE_BYTES: u64 = 1024 * 1024;

/// The longest document of a client (OAuth Client ID Metadata Document, section 6.6).
pub const CLIENT_DOCUMENT_BYTES: usize = 5 * 1024;

/// The most redirect URIs in one: what is parsed takes more memory than the text, the shorter they are.
pub const CLIENT_DOCUMENT_REDIRECT_URIS: usize = 64;

/// How long the fetch of one may take.
pub const CLIENT_DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one is used at least, whatever its host says: VS Code's forbids to keep it at all.
pub const CLIENT_DOCUMENT_FLOOR: Duration = Duration::from_secs(300);

/// How long one is used at most: after that a client that was taken over can be stopped by its document.
pub const CLIENT_DOCUMENT_CEILING: Duration = Duration::from_secs(24 * 3600);

/// How long a document that could not be fetched is not asked for again.
pub const CLIENT_DOCUMENT_RETRY: Duration = Duration::from_secs(30);

/// How many documents are kept, failures included: 9 MB at most.
pub const CLIENT_DOCUMENTS: usize = 1024;

/// How many are fetched at once for browsers in which nobody has signed in; as many for the others.
pub const CLIENT_DOCUMENT_FETCHES: usize = 16;

/// How many browsers in which nobody has signed in may wait for documents; as many of the others.
pub const CLIENT_DOCUMENT_WAITERS: usize = 512;

/// How many documents may be fetched in a row for all browsers in which no user has signed in yet.
pub const CLIENT_DOCUMENTS_OF_STRANGERS: u32 = 10;

/// After what time one more: what a flood of URLs costs, here and at the hosts that it names. Of fetches that all
/// take their five seconds, fifteen are under way at once.
pub const CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY: Duration = Duration::from_secs(1);

/// The same of one address (of IPv6: one /64), which a whole company may share.
pub const CLIENT_DOCUMENTS_OF_ADDRESS: u32 = 5;

/// After what time such an address may have one more fetched: a tenth of what all may, so that a flood from one address
/// takes no sign-in from others.
pub const CLIENT_DOCUMENT_OF_ADDRESS_RECOVERY: Duration = Duration::from_secs(10);

/// The same of one browser in which a user has signed in.
pub const CLIENT_DOCUMENTS_OF_DEVICE: u32 = 4;

/// After what time such a browser may have one more fetched.
pub const CLIENT_DOCUMENT_OF_DEVICE_RECOVERY: Duration = Duration::from_secs(20);

/// How long a device and its user code wait for the user (RFC 8628 section 3.2): short, for the time of a user who was
/// sent a code by somebody else (section 5.4).
pub const DEVICE_CODE_LIFETIME: Duration = Duration::from_secs(600);

/// How long a device waits between two polls (RFC 8628 section 3.5), and by how much longer each time that it was too early.
pub const DEVICE_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The longest that it must wait: an authorization code that waits for it lasts as long, unless `--code-lifetime` is
/// shorter.
pub const DEVICE_POLL_INTERVAL_MAX: Duration = Duration::from_secs(50);

/// How much too early a poll may come: its network is not always as slow.
pub const DEVICE_POLL_LEEWAY: Duration = Duration::from_secs(1);

/// How many devices may wait that began at one replica: each is a record of some hundred bytes, in the store if other
/// replicas share it.
pub const DEVICE_AUTHORIZATIONS: usize = 1024;

/// How many devices one replica remembers that poll it, wherever they began; further ones are not slowed down.
pub const DEVICES_POLLING: usize = 4 * DEVICE_AUTHORIZATIONS;

/// How many of one address.
pub const DEVICE_AUTHORIZATIONS_OF_ADDRESS: usize = 32;

/// How many wrong user codes may be typed in a row, by everybody together. Of 20^8 codes 1,024 may be right: whoever
/// types as many as this allows for a whole day finds one with a probability of 1 in 140.
pub const WRONG_USER_CODES: u32 = 300;

/// After what time one more.
pub const WRONG_USER_CODE_RECOVERY: Duration = Duration::from_millis(500);

/// How many may be typed in a row at one address.
pub const WRONG_USER_CODES_OF_ADDRESS: u32 = 10;

/// After what time one more.
pub const WRONG_USER_CODE_OF_ADDRESS_RECOVERY: Duration = Duration::from_secs(20);

/// The most keys of one client that are used; others are passed over.
pub const CLIENT_KEYS: usize = 16;

/// The longest assertion of a client.
pub const CLIENT_ASSERTION_BYTES: usize = 4096;

/// For how long an assertion may be good; clients make one for each request.
pub const SIGNED_CLIENT_ASSERTION_LIFETIME: Duration = Duration::from_secs(600);

/// How many used assertions are known: 2 MB at most.
pub const CLIENT_ASSERTIONS: usize = 16_384;

/// How many of them may be of one client: ChatGPT is one client to all of its users.
pub const CLIENT_ASSERTIONS_OF_CLIENT: usize = 4096;
