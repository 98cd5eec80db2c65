#include "sip/method.hpp"

#include <algorithm>
#include <array>

namespace sip {
namespace {

// In the order of Method.
constexpr std::array<std::string_view, 15> names = {
    "",     "INVITE",    "ACK",    "BYE",   "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
    "INFO", "SUBSCRIBE", "NOTIFY", "PRACK", "UPDATE", "REFER",    "PUBLISH"};

struct Phrase {
  int status;
  std::string_view text;
};

constexpr Phrase phrases[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {199, "Early Dialog Terminated"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Notification"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {305, "Use Proxy"},
    {380, "Alternative Service"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {412, "Conditional Request Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {430, "Flow Failed"},
    {439, "First Hop Lacks Outbound Support"},
    {440, "Max-Breadth Exceeded"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {485, "Ambiguous"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {493, "Undecipherable"},
    {494, "Security Agreement Required"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {580, "Precondition Failure"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
};

constexpr std::string_view class_names[] = {"Trying",         "OK",           "Multiple Choices",
                                            "Request Failed", "Server Error", "Global Failure"};

}  // namespace

Method method_from(std::string_view text) {
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i] == text) return static_cast<Method>(i);
  return Method::unknown;
}

std::string_view to_string(Method method) {
  return names[static_cast<std::size_t>(method)];
}

std::string_view reason_phrase(int status) {
  const auto* const it =
      std::lower_bound(std::begin(phrases), std::end(phrases), status,
                       [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  if (it != std::end(phrases) && it->status == status) return it->text;
  if (status < 100 || status > 699) return "Unknown";
  return class_names[status / 100 - 1];
}

}  // namespace sip
