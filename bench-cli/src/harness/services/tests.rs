//! The services' guarantees, and the anomalies that they allow.

use super::*;
use crate::json::first_value;

fn stores(seed: u64) -> Stores {
    Stores::new(RngStream::new(seed, Purpose::Services))
}

fn node(number: u32) -> Address {
    Address::Node(NodeId(number))
}

/// The body that a service answers a body with.
fn ask(stores: &mut Stores, service: Service, client: Address, body: &str) -> String {
    let body = first_value(body).expect("a body");
    let reply = stores.handle(service, client, &Request::from_body(&body));
    reply.map_or("nothing".to_owned(), |reply| reply.to_body(Json::Int(7)).to_string())
}

fn write(stores: &mut Stores, service: Service, client: Address, value: u64) {
    let body = format!(r#"{{"type":"write","key":"k","value":{value}}}"#);
    assert_eq!(ask(stores, service, client, &body), r#"{"type":"write_ok","in_reply_to":7}"#);
}

/// The value of the key `k`, or the code of the error.
fn read(stores: &mut Stores, service: Service, client: Address) -> Result<u64, i64> {
    let body = ask(stores, service, client, r#"{"type":"read","key":"k"}"#);
    let body = first_value(&body).expect("a body");
    match (body.get("value"), body.get("code")) {
        (Some(Json::Int(value)), _) => Ok(*value as u64),
        (_, Some(Json::Int(code))) => Err(*code),
        _ => panic!("{body}"),
    }
}

#[test]
fn key_value_stores_answer_as_maelstroms_do() {
    let missing = r#"{"type":"error","code":20,"text":"key does not exist","in_reply_to":7}"#;
    let differs = r#"{"type":"error","code":22,"text":"current value 5 is not 6","in_reply_to":7}"#;
    let cas_ok = r#"{"type":"cas_ok","in_reply_to":7}"#;
    let (mut linearizable, mut sequential) = (stores(1), stores(1));
    for (body, answer) in [
        (r#"{"type":"read","key":"k"}"#, missing),
        (r#"{"type":"cas","key":"k","from":1,"to":2}"#, missing),
        (r#"{"type":"cas","key":"k","from":1,"to":2,"create_if_not_exists":false}"#, missing),
        (r#"{"type":"cas","key":"k","from":1,"to":5,"create_if_not_exists":true}"#, cas_ok),
        (r#"{"type":"read","key":"k"}"#, r#"{"type":"read_ok","value":5,"in_reply_to":7}"#),
        (r#"{"type":"cas","key":"k","from":6,"to":7}"#, differs),
        (r#"{"type":"cas","key":"k","from":5,"to":{"b":[1.0],"a":null}}"#, cas_ok),
        (r#"{"type":"cas","key":"k","from":{"a":null,"b":[1.00]},"to":5.5}"#, cas_ok),
        (r#"{"type":"read","key":"k"}"#, r#"{"type":"read_ok","value":5.5,"in_reply_to":7}"#),
        // Keys and values are any JSON, and `null` if they are absent.
        (
            r#"{"type":"write","key":{"any":["key"]},"value":12345678901234567890}"#,
            r#"{"type":"write_ok","in_reply_to":7}"#,
        ),
        (
            r#"{"type":"read","key":{"any":["key"]}}"#,
            r#"{"type":"read_ok","value":12345678901234567890,"in_reply_to":7}"#,
        ),
        (r#"{"type":"write"}"#, r#"{"type":"write_ok","in_reply_to":7}"#),
        (r#"{"type":"read","key":null}"#, r#"{"type":"read_ok","value":null,"in_reply_to":7}"#),
        // 1 and 1.0 are different keys.
        (r#"{"type":"write","key":1,"value":"one"}"#, r#"{"type":"write_ok","in_reply_to":7}"#),
        (r#"{"type":"read","key":1.0}"#, missing),
        // A request of an unknown type gets no answer.
        (r#"{"type":"ts"}"#, "nothing"),
        (r#"{"type":"delete","key":"k"}"#, "nothing"),
        (r#"{"key":"k"}"#, "nothing"),
        ("{}", "nothing"),
    ] {
        for service in [Service::LinKv, Service::SeqKv] {
            // A client alone sees its own writes in both.
            let store = if service == Service::LinKv { &mut linearizable } else { &mut sequential };
            assert_eq!(ask(store, service, node(0), body), answer, "{service:?}: {body}");
        }
    }
}

#[test]
fn lww_kv_does_not_create_with_cas() {
    let body = r#"{"type":"cas","key":"k","from":1,"to":5,"create_if_not_exists":true}"#;
    let answer = ask(&mut stores(1), Service::LwwKv, node(0), body);
    assert_eq!(answer, r#"{"type":"error","code":20,"text":"key does not exist","in_reply_to":7}"#);
}

#[test]
fn lin_tso_counts_from_zero() {
    let mut stores = stores(1);
    for expected in 0..3 {
        let answer = ask(&mut stores, Service::LinTso, node(expected % 2), r#"{"type":"ts"}"#);
        assert_eq!(answer, format!(r#"{{"type":"ts_ok","ts":{expected},"in_reply_to":7}}"#));
    }
    assert_eq!(ask(&mut stores, Service::LinTso, node(0), r#"{"type":"read","key":"k"}"#), "nothing");
}

#[test]
fn lin_kv_always_shows_the_last_write() {
    let mut stores = stores(1);
    for value in 0..200 {
        write(&mut stores, Service::LinKv, node(0), value);
        assert_eq!(read(&mut stores, Service::LinKv, node(1)), Ok(value));
    }
}

#[test]
fn seq_kv_shows_other_clients_stale_values_but_never_goes_back() {
    let mut stores = stores(1);
    let (mut stale, mut last) = (0, 0);
    for value in 1..=1_000 {
        write(&mut stores, Service::SeqKv, node(0), value);
        assert_eq!(read(&mut stores, Service::SeqKv, node(0)), Ok(value), "a client's own write");
        // Read often enough to stay within the states that are kept.
        for _ in 0..3 {
            let seen = read(&mut stores, Service::SeqKv, node(1)).unwrap_or(0);
            assert!(seen >= last && value - seen < 32, "{seen} after {last}, newest {value}");
            stale += usize::from(seen < value);
            last = seen;
        }
    }
    assert!(stale > 500, "{stale} stale reads");
}

#[test]
fn a_client_that_is_new_to_seq_kv_reads_one_of_the_last_states() {
    let mut stores = stores(1);
    for value in 1..=100 {
        write(&mut stores, Service::SeqKv, node(0), value);
    }
    let mut seen: Vec<u64> =
        (1..2_000).map(|client| read(&mut stores, Service::SeqKv, node(client)).expect("a value")).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (69..=100).collect::<Vec<u64>>());
}

#[test]
fn a_write_of_a_past_value_may_change_nothing_in_seq_kv() {
    let lost = (0..100).filter(|&seed| {
        let mut stores = stores(seed);
        write(&mut stores, Service::SeqKv, node(0), 1);
        write(&mut stores, Service::SeqKv, node(0), 2);
        write(&mut stores, Service::SeqKv, node(1), 1);
        // After so many reads the client has seen the newest state.
        (0..30).map(|_| read(&mut stores, Service::SeqKv, node(0))).last() == Some(Ok(2))
    });
    let lost = lost.count();
    assert!((10..60).contains(&lost), "{lost}");
}

#[test]
fn lww_kv_loses_updates() {
    let mut lost = 0;
    for seed in 0..200 {
        let mut stores = stores(seed);
        write(&mut stores, Service::LwwKv, node(0), 1);
        write(&mut stores, Service::LwwKv, node(1), 2);
        // Once both replicas agree, all reads do.
        for _ in 0..40 {
            let _ = read(&mut stores, Service::LwwKv, node(0));
        }
        let agreed = read(&mut stores, Service::LwwKv, node(0));
        assert!((0..20).all(|_| read(&mut stores, Service::LwwKv, node(1)) == agreed), "seed {seed}");
        lost += usize::from(agreed == Ok(1));
    }
    assert!((10..150).contains(&lost), "{lost} of 200 second writes lost");
}

#[test]
fn a_seed_decides_the_answers_of_services() {
    let answers = |seed| {
        let mut stores = stores(seed);
        let mut answers = Vec::new();
        for value in 0..50 {
            write(&mut stores, Service::LwwKv, node(0), value);
            write(&mut stores, Service::SeqKv, node(0), value);
            answers.push(read(&mut stores, Service::LwwKv, node(1)));
            answers.push(read(&mut stores, Service::SeqKv, node(1)));
        }
        answers
    };
    assert_eq!(answers(5), answers(5));
    assert_ne!(answers(5), answers(6));
}

#[test]
fn services_have_names() {
    for service in Service::ALL {
        assert_eq!(Service::by_name(service.name()), Some(service));
        assert_eq!(Service::ALL[service as usize], service);
    }
    assert_eq!(Service::by_name("kafka"), None);
}
