//! Requests to a key-value store, and what they do to one key.

use super::{Datum, ErrorCode, Reply};

/// A request to a key-value store.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValueCall {
    /// Asks for a value.
    Read {
        /// The key.
        key: Datum,
    },
    /// Sets a value.
    Write {
        /// The key.
        key: Datum,
        /// Its new value.
        value: Datum,
    },
    /// Sets a value if the present one is as expected.
    CompareAndSet {
        /// The key.
        key: Datum,
        /// The expected value.
        from: Datum,
        /// The new value.
        to: Datum,
        /// Whether to set the value of a key that has none.
        creates: bool,
    },
}

impl KeyValueCall {
    /// The key that it is about.
    pub fn key(&self) -> &Datum {
        match self {
            KeyValueCall::Read { key }
            | KeyValueCall::Write { key, .. }
            | KeyValueCall::CompareAndSet { key, .. } => key,
        }
    }

    /// The answer of a store that holds this value for the key, and the new value if the store sets one.
    pub(super) fn evaluate(&self, current: Option<&Datum>) -> (Reply, Option<Datum>) {
        let missing = || Reply::Error(ErrorCode::KeyDoesNotExist, "key does not exist".to_owned());
        match (self, current) {
            (KeyValueCall::Read { .. }, None) => (missing(), None),
            (KeyValueCall::Read { .. }, Some(value)) => (Reply::Value(value.clone()), None),
            (KeyValueCall::Write { value, .. }, _) => (Reply::Written, Some(value.clone())),
            (KeyValueCall::CompareAndSet { creates: false, .. }, None) => (missing(), None),
            (KeyValueCall::CompareAndSet { to, .. }, None) => (Reply::Swapped, Some(to.clone())),
            (KeyValueCall::CompareAndSet { from, to, .. }, Some(value)) if value == from => {
                (Reply::Swapped, Some(to.clone()))
            }
            (KeyValueCall::CompareAndSet { from, .. }, Some(value)) => {
                let text = format!("current value {} is not {}", value.as_str(), from.as_str());
                (Reply::Error(ErrorCode::PreconditionFailed, text), None)
            }
        }
    }

    /// The same call without `create_if_not_exists`.
    pub(super) fn without_creation(&self) -> KeyValueCall {
        let mut call = self.clone();
        if let KeyValueCall::CompareAndSet { creates, .. } = &mut call {
            *creates = false;
        }
        call
    }
}
