// Package migration follows the guides about moving here: the providers that a user
// has today create what they create, the guides' own blocks take it over, and
// nothing is made anew.
package migration
