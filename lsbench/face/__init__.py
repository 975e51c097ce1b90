"""Where the face is: landmarks and boxes, the tracker that finds them, crops and patches."""
