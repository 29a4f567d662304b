//! Where records are kept.

#[cfg(not(feature = "redis"))]
use super::message;

const KEY: &str = "AV2brNLqcgSGm4uFox6mdg/Ru3s9JLP4W1h7nHa1Tvo=";

#[cfg(not(feature = "redis"))]
#[test]
fn redis_is_refused_in_words_by_a_build_without_it() {
    let error = message(&["--store", "redis://localhost"], &[("ENTRA_MCP_KEY", KEY)]);
    assert_eq!(
        error,
        "--store (ENTRA_MCP_STORE): this build keeps sessions in a file only. Build the program with \
         `--features redis`, or leave it out."
    );
}

#[cfg(feature = "redis")]
mod redis {
    use entra_mcp_core::config::{RedisEndpoint, RedisPassword, RedisServer};

    use super::{
        super::{super::StoreSettingError, *},
        KEY,
    };

    const KEYED: (&str, &str) = ("ENTRA_MCP_KEY", KEY);

    fn store(arguments: &[&str], variables: &[(&'static str, &'static str)]) -> RedisServer {
        let variables = real(&[&[KEYED], variables].concat());
        match config(arguments, &variables).store {
            StoreLocation::Redis(server) => server,
            StoreLocation::Folder(folder) => panic!("{}", folder.display()),
        }
    }

    fn password(server: &RedisServer) -> Option<&str> {
        match server.password.as_ref()? {
            RedisPassword::Given(password) => Some(password.expose().as_str()),
            RedisPassword::File(path) => path.to_str(),
            RedisPassword::EntraToken => Some("a token"),
        }
    }

    #[test]
    fn address_of_a_redis_is_read() {
        for (address, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            (
                "rediss://cache.contoso.com:6380",
                "rediss://cache.contoso.com:6380/0",
            ),
            ("valkeys://10.0.0.7/3", "rediss://10.0.0.7:6379/3"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
            (
                "redis+unix:///run/redis.sock",
                "redis+unix:///run/redis.sock?db=0",
            ),
            (
                "redis+unix:///run/redis.sock?db=2",
                "redis+unix:///run/redis.sock?db=2",
            ),
            (
                "rediss://a.contoso.com:7000,b.contoso.com,[::1]:1",
                "rediss://a.contoso.com:7000,b.contoso.com:6379,[::1]:1/0",
            ),
            (
                "redis+sentinel://one,two:5000/main",
                "redis+sentinel://one:26379,two:5000/main?db=0",
            ),
            (
                "rediss+sentinel://one/main?db=2",
                "rediss+sentinel://one:26379/main?db=2",
            ),
        ] {
            let server = store(&["--store", address], &[]);
            assert_eq!(server.to_string(), shown);
            assert_eq!(server.prefix, "{entra-mcp}:");
            assert!(server.user.is_none() && server.password.is_none());
        }
    }

    #[test]
    fn store_needs_neither_a_data_folder_nor_a_home() {
        let variables = [
            KEYED,
            ("ENTRA_MCP_STORE", "redis://localhost"),
            ("HOME", ""),
        ];
        let server = store(&[], &variables);
        assert!(matches!(
            server.endpoint,
            RedisEndpoint::Tcp { address, .. } if address.port == 6379
        ));
    }

    // Q8: anybody is anyone in the dev tenant, so its sessions are never those of a real one.
    #[test]
    fn records_of_the_dev_tenant_have_a_prefix_of_their_own() {
        let arguments = ["--store", "redis://localhost", "--store-prefix", "a:"];
        let config = config(&arguments, &[KEYED]);
        let StoreLocation::Redis(server) = config.store else {
            panic!("a store was given");
        };
        assert_eq!(server.prefix, "a:dev-tenant:");
    }

    #[test]
    fn token_of_entra_id_stands_in_place_of_a_password() {
        let arguments = [
            "--store",
            "rediss://an-object-id@cache",
            "--store-entra-auth",
            "on",
        ];
        let server = store(&arguments, &[]);
        assert_eq!(server.user.as_deref(), Some("an-object-id"));
        assert!(matches!(server.password, Some(RedisPassword::EntraToken)));
        let off = store(
            &["--store", "rediss://cache", "--store-entra-auth", "off"],
            &[],
        );
        assert!(off.password.is_none());
        let incomplete = |address: &'static str, variables: &[(&'static str, &'static str)]| {
            let variables = real(&[&[KEYED], variables].concat());
            let wrong = ConfigError::Store(StoreSettingError::EntraAuthIncomplete);
            let arguments = ["--store", address, "--store-entra-auth", "on"];
            assert_eq!(error(&arguments, &variables), wrong, "{address}");
        };
        incomplete("rediss://cache", &[]);
        incomplete("redis://an-object-id@cache", &[]);
        incomplete(
            "rediss://an-object-id@cache",
            &[("ENTRA_MCP_STORE_PASSWORD", "a password")],
        );
        let dev = [
            "--store",
            "rediss://an-object-id@cache",
            "--store-entra-auth",
            "on",
        ];
        let wrong = ConfigError::Store(StoreSettingError::EntraAuthIncomplete);
        assert_eq!(error(&dev, &[KEYED]), wrong);
    }

    // D8
    #[test]
    fn password_comes_from_a_variable_and_is_shown_nowhere() {
        let addressed = [(
            "ENTRA_MCP_STORE",
            "rediss://mcp:pa%40ss%20word@cache.contoso.com",
        )];
        let server = store(&[], &addressed);
        assert_eq!(server.user.as_deref(), Some("mcp"));
        assert_eq!(password(&server), Some("pa@ss word"));
        assert!(
            !format!("{server} {server:?}").contains("pa@"),
            "{server:?}"
        );
        let apart = [("ENTRA_MCP_STORE_PASSWORD", "p%40ss")];
        let server = store(&["--store", "rediss://mcp@cache.contoso.com"], &apart);
        assert_eq!(password(&server), Some("p%40ss"), "it is taken as it is");
        let server = store(&["--store", "rediss://mcp@a,b"], &apart);
        assert_eq!(server.user.as_deref(), Some("mcp"));
        assert_eq!(password(&server), Some("p%40ss"), "of each node");
        let in_file = [("ENTRA_MCP_STORE_PASSWORD_FILE", "/run/secrets/redis")];
        let server = store(&["--store", "rediss://mcp@cache.contoso.com"], &in_file);
        assert_eq!(password(&server), Some("/run/secrets/redis"));
        for address in ["redis://:word@localhost", "redis://:word@localhost,b"] {
            let error = error(&["--store", address], &[KEYED]);
            assert_eq!(error, ConfigError::Store(StoreSettingError::PasswordInFlag));
        }
        let error = error(&["--store", "redis://:word@localhost"], &[KEYED]);
        assert_eq!(error, ConfigError::Store(StoreSettingError::PasswordInFlag));
        assert!(!error.to_string().contains("word@"), "{error}");
    }

    // Q1
    #[test]
    fn authorities_of_a_store_are_its_own() {
        let arguments = ["--store", "rediss://cache", "--store-ca", "/etc/ca.pem"];
        let config = config(&arguments, &real(&[KEYED]));
        assert_eq!(
            config.store_ca.as_deref(),
            Some(std::path::Path::new("/etc/ca.pem"))
        );
    }

    // Q1
    #[test]
    fn setting_of_a_store_that_would_do_nothing_is_an_error() {
        for (flag, variable) in [
            ("", "ENTRA_MCP_STORE_PASSWORD"),
            ("", "ENTRA_MCP_STORE_PASSWORD_FILE"),
            ("store-prefix", "ENTRA_MCP_STORE_PREFIX"),
            ("store-entra-auth", "ENTRA_MCP_STORE_ENTRA_AUTH"),
            ("store-ca", "ENTRA_MCP_STORE_CA"),
        ] {
            let setting = (flag, variable);
            let expected = ConfigError::Store(StoreSettingError::NoStore { setting });
            assert_eq!(error(&[], &[KEYED, (variable, "off")]), expected);
            assert!(expected.to_string().contains("--store (ENTRA_MCP_STORE)"));
        }
        let user = error(&["--store", "rediss://mcp@cache"], &[KEYED]);
        let expected = ConfigError::Store(StoreSettingError::UserWithoutPassword);
        assert_eq!(user, expected);
        let numbered = error(&["--store", "redis://a,b/3"], &[KEYED]);
        let expected = ConfigError::Store(StoreSettingError::DatabaseOfCluster);
        assert_eq!(numbered, expected);
        for prefix in ["a:", "{}a:", "{a:"] {
            let arguments = ["--store", "redis://a,b", "--store-prefix", prefix];
            let expected = ConfigError::Store(StoreSettingError::PrefixOfCluster);
            assert_eq!(error(&arguments, &[KEYED]), expected, "{prefix}");
        }
    }

    #[test]
    fn wrong_store_is_an_error_with_the_right_one() {
        let of = |arguments: &[&str], variables: &[(&str, &str)]| match error(arguments, variables)
        {
            ConfigError::Store(error) => error,
            other => panic!("{other}"),
        };
        for wrong in [
            "localhost",
            "localhost:6379",
            "http://localhost",
            "redis:///0",
            "redis://localhost/x",
            "redis://localhost/70000",
            "rediss://localhost#insecure",
            "redis://localhost?protocol=3",
            "redis+unix://host/path",
            "redis+unix:///",
            "redis+unix:///path?pass=word",
            "redis://a,,b",
            "redis://a,b?x=y",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel://a/main?x=y",
            "redis+sentinel:///main",
        ] {
            let error = of(&["--store", wrong], &[KEYED]);
            assert_eq!(error, StoreSettingError::NotRedis, "{wrong}");
        }
        let both = [
            KEYED,
            ("ENTRA_MCP_STORE", "redis://:a@localhost"),
            ("ENTRA_MCP_STORE_PASSWORD", "b"),
        ];
        assert_eq!(of(&[], &both), StoreSettingError::SeveralPasswords);
        let both = [
            KEYED,
            ("ENTRA_MCP_STORE", "redis://localhost"),
            ("ENTRA_MCP_STORE_PASSWORD", "b"),
            ("ENTRA_MCP_STORE_PASSWORD_FILE", "/c"),
        ];
        assert_eq!(of(&[], &both), StoreSettingError::SeveralPasswords);
        let given = ["--store", "redis://localhost"];
        assert_eq!(of(&given, &[]), StoreSettingError::KeyMissing);
        let long = "a".repeat(65);
        for wrong in ["a b", "\u{e9}:", &long] {
            let arguments = [&given[..], &["--store-prefix", wrong]].concat();
            let error = of(&arguments, &[KEYED]);
            assert_eq!(error, StoreSettingError::InvalidPrefix, "{wrong}");
        }
    }
}
