//! Values that may be of several types.

use onehorizon::models::ErrorCode;

#[test]
fn a_value_of_several_types_is_not_made_of_a_number_that_json_has_no_way_to_write() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = ErrorCode::from_f64(value).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{error}");
    }
    assert_eq!(ErrorCode::from_f64(0.5).unwrap().json().get(), "0.5");
    assert_eq!(ErrorCode::from_text("a \"b\"\n").as_text().unwrap(), "a \"b\"\n");
}
