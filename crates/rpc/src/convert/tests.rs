//! What goes out comes in as it was.

mod random;

use proptest::prelude::*;
use tribune_derived::Value;

use super::*;
use random::Random;

fn round_trip(value: &Value) -> Value {
    let encoded = encode_value(value);
    assert_eq!(
        encoded,
        encode_value(&value.clone()),
        "equal values are equal bytes"
    );
    decode_value(encoded).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn values_come_back_as_they_were(seed: u64) {
        let mut random = Random::new(seed);
        for value in random.values() {
            let back = round_trip(&value);
            // names that differ in case are equal, so it is looked at in print as well
            prop_assert_eq!(format!("{:?}", back), format!("{:?}", value));
            prop_assert_eq!(back, value);
        }
    }

    #[test]
    fn keys_come_back_as_they_were(seed: u64) {
        for key in Random::new(seed).keys() {
            prop_assert_eq!(super::key(Some(key_message(&key))), Ok(key));
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(mut bytes: Vec<u8>, seed: u64, at: usize, flip: u8) {
        let _: Result<_, Malformed> = decode_value(bytes.clone().into());
        for value in Random::new(seed).values() {
            bytes = encode_value(&value).to_vec();
            if bytes.is_empty() {
                continue;
            }
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let _: Result<_, Malformed> = decode_value(bytes.clone().into());
            bytes.truncate(at);
            let _: Result<_, Malformed> = decode_value(bytes.into());
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = decode_value(Bytes::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message of the other side is not understood: value: it is missing, or of a kind that this version does not know"
    );
    assert!(super::key(None).is_err());
}

#[test]
fn a_request_of_another_encoding_is_refused_with_both_named() {
    let request = tribune_types::call::Request::Query(tribune_types::call::Query::Leader);
    let mut message = call::request_message(&request, &Default::default(), true).unwrap();
    assert!(call::request(message.clone()).is_ok_and(|call| call.forwarded));
    message.encoding = 2;
    let error = call::request(message).unwrap_err().to_string();
    assert!(
        error.contains("form 2") && error.contains("form 1"),
        "{error}"
    );
}

#[test]
fn failures_come_back_as_they_were() {
    use tribune_types::call::CallError;
    let text = || "why".to_owned();
    for error in [
        CallError::BadRequest(text()),
        CallError::Denied(text()),
        CallError::UnknownToken,
        CallError::NotFound(text()),
        CallError::Refused(text()),
        CallError::TooMany(text()),
        CallError::Unavailable(text()),
    ] {
        for retry in [true, false] {
            let failure = crate::Failure {
                error: error.clone(),
                retry,
            };
            assert_eq!(
                call::failure(call::failure_message(failure.clone())),
                failure
            );
        }
    }
}
