// A MANSCDP message: the body of SIP MESSAGE, SUBSCRIBE and NOTIFY with Content-Type
// Application/MANSCDP+xml. GB/T 28181-2022 annex A; protocol notes 4 and 5. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gb28181/edition.hpp"
#include "gb28181/manscdp/values.hpp"

namespace gb28181::manscdp {

inline constexpr std::string_view content_type = "Application/MANSCDP+xml";

enum class Root : std::uint8_t { query, control, notify, response };

std::string_view to_string(Root root);  // "Query", "Control", ...

struct Message {
  Root root = Root::query;
  std::string cmd_type;             // in the standard's spelling when it is a known one
  std::optional<std::uint64_t> sn;  // missing or unreadable: devices do so; match by CmdType then
  std::string device_id;
  Body body;
  bool salvaged = false;  // the XML had to be repaired

  template <class T>
  const T* get() const {
    return std::get_if<T>(&body);
  }
  template <class T>
  T* get() {
    return std::get_if<T>(&body);
  }
};

// Equal but for `salvaged`.
bool operator==(const Message& a, const Message& b);

// Reads a body in any of the charsets. A known command whose needed elements are unusable is
// Errc::bad_value; one of unknown CmdType is kept as Other. Also the errors of xml::parse,
// unknown_root, missing_cmd_type, missing_device_id. All of them are worth a 400 (xml_limit and
// body_too_large a 413).
Result<Message> parse(std::string_view bytes, const xml::Limits& limits = {});

// The whole document, declaration and charset as the peer's edition wants them. The spelling of an
// element follows the edition too (IFameCmd up to 2016, IFrameCmd in 2022).
std::string print(const Message& message, Edition edition = default_edition);

// The same in a chosen charset, whatever the edition: devices do not always keep to theirs.
std::string print(const Message& message, Edition edition, Charset charset);

// Fills root and CmdType from the type of the body; not for Other and CommandResult.
Message make_message(std::uint64_t sn, std::string_view device_id, Body body);

// Response with Result, to `request`.
Message make_result(const Message& request, bool ok);

}  // namespace gb28181::manscdp
