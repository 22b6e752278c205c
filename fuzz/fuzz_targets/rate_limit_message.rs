#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onehorizon_fuzz::rate_limit_message(data));
