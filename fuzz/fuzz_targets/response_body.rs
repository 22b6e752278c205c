#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onehorizon_fuzz::response_body(data));
