// SQLite with owners and types: a database handle and a prepared statement. One thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gateway::sqlite {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using DatabaseHandle = std::unique_ptr<sqlite3, CloseDatabase>;

// Runs statements that yield no rows; SQLITE_OK or the error's code.
int run(sqlite3* db, const char* sql);

// The single value of a query; `otherwise` when it yields none.
std::string query_text(sqlite3* db, const char* sql, std::string_view otherwise);

// Prepared once, run many times. A statement that could not be prepared is false and does nothing.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, const char* sql);
  explicit operator bool() const { return statement_ != nullptr; }

  // Parameters in their order; text is not copied and must live until step() or run().
  Statement& bind(std::string_view text);
  Statement& bind_blob(std::string_view bytes);
  Statement& bind(std::int64_t number);
  Statement& bind(double number);
  Statement& bind_null();

  // Executes to the end and makes ready for the next use; SQLITE_DONE or the error's code.
  int run();
  // Goes to the next row; false at the end or on an error (see status()).
  bool step();
  int status() const { return status_; }

  // Columns of the current row, in their order.
  std::string text();
  std::string_view text_view();  // valid until the next step() or run()
  std::string_view blob_view();  // the same
  std::int64_t integer();
  double real();
  bool next_is_null() const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_parameter_ = 1;
  int next_column_ = 0;
  int status_ = SQLITE_OK;
};

}  // namespace gateway::sqlite
