// What crosses between the API and the gateway in any of its calls: refusals, pages, times.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace gateway::http {

template <class T>
using Awaitable = boost::asio::awaitable<T>;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;  // JSON: RFC 3339, UTC

// Why something is not done: {"error":{"status":503,"reason":"device_offline","detail":"..."}}.
// `reason` is a word that programs compare (snake_case), `detail` a sentence for an operator.
struct Refusal {
  Refusal() = default;
  // A constructor, so that a lone number is no refusal and Reply<number> stays unambiguous.
  Refusal(int s, std::string r, std::string d)
      : status(s), reason(std::move(r)), detail(std::move(d)) {}
  int status = 500;
  std::string reason;
  std::string detail;
};
template <class T>
using Reply = boost::system::result<T, Refusal>;

struct Paging {
  std::size_t offset = 0;
  std::size_t limit = 100;  // 1 to 1000, checked by the API
};
template <class T>
struct Page {
  std::vector<T> items;   // at most Paging::limit, from Paging::offset on
  std::size_t total = 0;  // how many match in all
};

}  // namespace gateway::http
