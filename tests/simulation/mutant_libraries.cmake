# flyball_mutant_libraries(NAMES…): for each library a twin NAME_mutant, made of the same sources and linked with the
# other twins, in which the bugs of base/mutation.h are compiled in.
function(flyball_mutant_libraries)
  foreach(name ${ARGN})
    get_target_property(folder ${name} SOURCE_DIR)
    get_target_property(sources ${name} SOURCES)
    get_target_property(links ${name} LINK_LIBRARIES)
    list(TRANSFORM sources PREPEND ${folder}/)
    list(TRANSFORM links REPLACE "^(flyball_.*)$" "\\1_mutant")
    add_library(${name}_mutant STATIC ${sources})
    # Once is enough for the tools that read the commands.
    set_target_properties(${name}_mutant PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
    target_include_directories(${name}_mutant PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
    target_compile_definitions(${name}_mutant PUBLIC FLYBALL_MUTATIONS)
    target_link_libraries(${name}_mutant PUBLIC ${links})
  endforeach()
endfunction()
