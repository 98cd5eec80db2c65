// A list of parameters ";name=value;flag" as it stands in a URI, a Via, a name-addr or a header
// (RFC 3261 25.1, generic-param). A view: it is looked up and walked in place, nothing is stored.
#pragma once

#include <iterator>
#include <optional>
#include <string_view>

namespace sip {

struct Param {
  std::string_view name;
  std::string_view value;  // as written, quotes included; empty when there is none
  bool has_value = false;
};

class Params {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Param;
    using difference_type = std::ptrdiff_t;
    using pointer = const Param*;
    using reference = const Param&;

    iterator() = default;
    explicit iterator(std::string_view rest) : rest_(rest) { ++*this; }
    reference operator*() const { return param_; }
    pointer operator->() const { return &param_; }
    iterator& operator++();
    iterator operator++(int) {
      auto copy = *this;
      ++*this;
      return copy;
    }
    bool operator==(const iterator& other) const {
      return param_.name.data() == other.param_.name.data();
    }

   private:
    std::string_view rest_;
    Param param_;
  };

  Params() = default;
  // `text` starts with its first ';' (or is empty). It must outlive the Params.
  explicit Params(std::string_view text) : text_(text) {}

  // Value of the first parameter of this name (any letter case): nullopt when absent, empty when it
  // is a flag; without the quotes of a quoted string.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return get(name).has_value(); }

  [[nodiscard]] iterator begin() const { return iterator(text_); }
  [[nodiscard]] iterator end() const { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace sip
