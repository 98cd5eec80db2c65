#include "gateway/sqlite.hpp"

namespace gateway::sqlite {

int run(sqlite3* db, const char* sql) {
  return sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
}

std::string query_text(sqlite3* db, const char* sql, std::string_view otherwise) {
  Statement query(db, sql);
  if (!query || !query.step()) return std::string(otherwise);
  return query.text();
}

Statement::Statement(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  status_ = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, where the empty text is meant.
  sqlite3_bind_text64(statement_.get(), next_parameter_++, text.data() ? text.data() : "",
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), next_parameter_++, bytes.data() ? bytes.data() : "",
                      bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), next_parameter_++, number);
  return *this;
}

Statement& Statement::bind(double number) {
  sqlite3_bind_double(statement_.get(), next_parameter_++, number);
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(statement_.get(), next_parameter_++);
  return *this;
}

int Statement::run() {
  if (!statement_) return status_;
  do {
    status_ = sqlite3_step(statement_.get());
  } while (status_ == SQLITE_ROW);
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  next_parameter_ = 1;
  return status_;
}

bool Statement::step() {
  if (!statement_) return false;
  status_ = sqlite3_step(statement_.get());
  next_column_ = 0;
  return status_ == SQLITE_ROW;
}

std::string Statement::text() {
  return std::string(text_view());
}

std::string_view Statement::text_view() {
  const int column = next_column_++;
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (!text) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view Statement::blob_view() {
  const int column = next_column_++;
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t Statement::integer() {
  return sqlite3_column_int64(statement_.get(), next_column_++);
}

double Statement::real() {
  return sqlite3_column_double(statement_.get(), next_column_++);
}

bool Statement::next_is_null() const {
  return sqlite3_column_type(statement_.get(), next_column_) == SQLITE_NULL;
}

}  // namespace gateway::sqlite
