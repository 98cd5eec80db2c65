// Which element of a MANSCDP body belongs to which member of a value: one table serves the reader
// and the writer, and its order is the order of the elements on the wire. Used inside manscdp/
// only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "gb28181/manscdp/values.hpp"

namespace gb28181::manscdp {

template <class Value>
using Member = std::variant<std::string Value::*, std::optional<int> Value::*,
                            std::optional<double> Value::*, bool Value::*>;  // bool: OK or ERROR

template <class Value>
struct Field {
  std::string_view name;
  Member<Value> member;
};

std::span<const Field<CatalogQuery>> catalog_query_fields();
std::span<const Field<DeviceInfo>> device_info_fields();
std::span<const Field<CatalogItem>> catalog_item_fields();       // those before Status
std::span<const Field<CatalogItem>> catalog_item_tail_fields();  // those behind it
std::span<const Field<CatalogItem>> catalog_info_fields();       // below Info
std::span<const Field<MediaStatus>> media_status_fields();
std::span<const Field<Alarm>> alarm_fields();

// Text as devices mean it: "null" is nothing.
std::string_view meaning(std::string_view text);
std::optional<int> parse_int(std::string_view text);        // "1", " 1 ", "1.0"
std::optional<double> parse_double(std::string_view text);  // finite
bool parse_ok(std::string_view text);                       // all but ERROR is OK

// Sets the member of the table's field with the element's name, unless an earlier element did.
// False when there is no such field.
template <class Value>
bool set_field(std::span<const Field<Value>> fields, const xml::Element& element, Value& value);

// Writes all members that have a value.
template <class Value>
void write_fields(std::span<const Field<Value>> fields, const Value& value, xml::Writer& out);

std::string print_double(double value);

template <class Value>
bool set_field(std::span<const Field<Value>> fields, const xml::Element& element, Value& value) {
  struct Setter {
    Value& value;
    std::string_view text;
    void operator()(std::string Value::*member) const {
      if ((value.*member).empty()) value.*member = meaning(text);
    }
    void operator()(std::optional<int> Value::*member) const {
      if (!(value.*member)) value.*member = parse_int(text);
    }
    void operator()(std::optional<double> Value::*member) const {
      if (!(value.*member)) value.*member = parse_double(text);
    }
    void operator()(bool Value::*member) const { value.*member = parse_ok(text); }
  };
  for (const auto& field : fields) {
    if (!element.is(field.name)) continue;
    std::visit(Setter{value, element.text}, field.member);
    return true;
  }
  return false;
}

template <class Value>
void write_fields(std::span<const Field<Value>> fields, const Value& value, xml::Writer& out) {
  struct Printer {
    const Value& value;
    std::string_view name;
    xml::Writer& out;
    void operator()(std::string Value::*member) const {
      if (!(value.*member).empty()) out.element(name, value.*member);
    }
    void operator()(std::optional<int> Value::*member) const {
      if (value.*member) out.element(name, std::to_string(*(value.*member)));
    }
    void operator()(std::optional<double> Value::*member) const {
      if (value.*member) out.element(name, print_double(*(value.*member)));
    }
    void operator()(bool Value::*member) const {
      out.element(name, value.*member ? "OK" : "ERROR");
    }
  };
  for (const auto& field : fields) std::visit(Printer{value, field.name, out}, field.member);
}

}  // namespace gb28181::manscdp
