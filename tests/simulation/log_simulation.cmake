# The state log's simulator. log_pages.c takes the place of the log's own pages in the program.
set(FLYBALL_LOG_SIMULATION_SOURCES
    findings.c log_check.c log_check_recovery.c log_compact.c log_life.c log_model.c log_model_recovery.c log_preset.c
    log_work.c damage_check.c damage_disk.c damage_life.c damage_model.c damage_preset.c damage_work.c)
add_library(flyball_log_simulation STATIC ${FLYBALL_LOG_SIMULATION_SOURCES})
target_link_libraries(flyball_log_simulation PUBLIC flyball_state flyball_virtual_disk)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
add_executable(flyball-sim-log log_pages.c oracle.c simulate_log.c)
target_link_libraries(flyball-sim-log PRIVATE flyball_log_simulation PkgConfig::SQLITE3)
flyball_test(powerloss LINKS flyball_state flyball_virtual_disk)

# Slices; the long form is flyball-sim-log --crashes 10000000.
if(FLYBALL_SANITIZE)
  set(FLYBALL_LOG_CRASHES 8000)
  set(FLYBALL_ORACLE_CRASHES 2000)
  set(FLYBALL_DAMAGE_CRASHES 3000)
else()
  set(FLYBALL_LOG_CRASHES 70000)
  set(FLYBALL_ORACLE_CRASHES 15000)
  set(FLYBALL_DAMAGE_CRASHES 25000)
endif()
add_test(NAME simulation.log COMMAND flyball-sim-log --crashes ${FLYBALL_LOG_CRASHES})
add_test(NAME simulation.log_oracle COMMAND flyball-sim-log --oracle --crashes ${FLYBALL_ORACLE_CRASHES})
add_test(NAME simulation.log_damage COMMAND flyball-sim-log --damage --crashes ${FLYBALL_DAMAGE_CRASHES})
set_tests_properties(simulation.log simulation.log_oracle simulation.log_damage PROPERTIES TIMEOUT 180)
